# Included by the root, because a language counts only below the folder that enables it.
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  message(FATAL_ERROR "RINGWAY_METAL=SOFTWARE: the software Metal device runs on Linux, this is ${CMAKE_SYSTEM_NAME}.")
endif()

find_program(SOFTMETAL_CLANG NAMES clang++-19)
file(GLOB objc_headers "/usr/lib/gcc/*/*/include/objc")
find_path(GNUSTEP_HEADERS Foundation/Foundation.h PATHS /usr/include/GNUstep)
find_library(BLOCKS_RUNTIME BlocksRuntime)
if(NOT SOFTMETAL_CLANG OR NOT objc_headers OR NOT GNUSTEP_HEADERS OR NOT BLOCKS_RUNTIME)
  message(FATAL_ERROR "RINGWAY_METAL=SOFTWARE: packages of the software Metal device are missing. On Debian and Ubuntu: "
                      "sh -c '. tools/lib.sh; need_softmetal_packages'.")
endif()
list(GET objc_headers -1 objc_headers)
get_filename_component(objc_headers "${objc_headers}" DIRECTORY)

if(NOT CMAKE_OBJCXX_COMPILER)
  set(CMAKE_OBJCXX_COMPILER "${SOFTMETAL_CLANG}" CACHE FILEPATH "Compiler of Objective-C++")
endif()
enable_language(OBJCXX)

# What CMake knows of shared libraries of C++ on Linux, it does not know of Objective-C++.
set(CMAKE_SHARED_LIBRARY_SONAME_OBJCXX_FLAG "-Wl,-soname,")
set(CMAKE_SHARED_LIBRARY_RUNTIME_OBJCXX_FLAG "-Wl,-rpath,")
set(CMAKE_SHARED_LIBRARY_RUNTIME_OBJCXX_FLAG_SEP ":")
set(CMAKE_EXECUTABLE_RUNTIME_OBJCXX_FLAG "-Wl,-rpath,")
set(CMAKE_EXECUTABLE_RUNTIME_OBJCXX_FLAG_SEP ":")
