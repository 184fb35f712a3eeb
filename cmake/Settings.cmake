# Settings shared by every target of the project, carried by two INTERFACE libraries.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(SPAWNSTORM_CCACHE ccache)
if(SPAWNSTORM_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${SPAWNSTORM_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SPAWNSTORM_CCACHE})
endif()

add_library(spawnstorm_settings INTERFACE)
add_library(spawnstorm::settings ALIAS spawnstorm_settings)
target_link_libraries(spawnstorm_settings INTERFACE spawnstorm::fmt)
target_include_directories(spawnstorm_settings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(spawnstorm_settings INTERFACE
  _FILE_OFFSET_BITS=64 SPAWNSTORM_VERSION="${PROJECT_VERSION}")
target_compile_options(spawnstorm_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wno-missing-field-initializers)
if(SPAWNSTORM_WERROR)
  target_compile_options(spawnstorm_settings INTERFACE -Werror)
endif()
if(SPAWNSTORM_SANITIZE)
  target_compile_options(spawnstorm_settings INTERFACE
    -fsanitize=${SPAWNSTORM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(spawnstorm_settings INTERFACE -fsanitize=${SPAWNSTORM_SANITIZE})
endif()

# Each source that includes CLI11 compiles nearly all of it, so those of one command line are compiled
# together. Lint does without, to see each source by itself.
function(spawnstorm_command_line target)
  if(SPAWNSTORM_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 9)
  endif()
endfunction()

# A program that starts very often: a static one is up in less than half the time of one whose
# libraries are loaded anew each time. (The sanitizers need theirs to be shared.)
function(spawnstorm_quick_start target)
  if(NOT SPAWNSTORM_SANITIZE)
    target_link_options(${target} PRIVATE -static)
  endif()
endfunction()
