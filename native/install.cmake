# For C++ programs outside this tree: `cmake --install BUILD --component cpp --prefix PREFIX` puts the headers, the static
# libraries and a package there, so that they find_package(ringway) and link ringway::ringway. Wheels leave it out.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(ringway INTERFACE)
add_library(ringway::ringway ALIAS ringway)
target_link_libraries(ringway INTERFACE ringway_backends ringway_core)

set(headers "${CMAKE_INSTALL_INCLUDEDIR}/ringway")  # "core/runtime.h", "ringway/layout.h"
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/ringway")
set(backend_targets "")
foreach(folder IN LISTS RINGWAY_BACKEND_FOLDERS)
  get_filename_component(name "${folder}" NAME)
  list(APPEND backend_targets ringway_${name})
endforeach()
install(TARGETS ringway ringway_headers ringway_options ringway_core ringway_backends ${backend_targets}
  EXPORT ringway ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT cpp INCLUDES DESTINATION "${headers}")
install(DIRECTORY include/ringway core DESTINATION "${headers}" COMPONENT cpp FILES_MATCHING PATTERN "*.h")
install(FILES backends/all.h DESTINATION "${headers}/backends" COMPONENT cpp)
install(EXPORT ringway NAMESPACE ringway:: FILE ringway-targets.cmake DESTINATION "${package}" COMPONENT cpp)
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/ringway-config.cmake" "include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(\"\${CMAKE_CURRENT_LIST_DIR}/ringway-targets.cmake\")
")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/ringway-config-version.cmake"
  VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/ringway-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/ringway-config-version.cmake" DESTINATION "${package}" COMPONENT cpp)
