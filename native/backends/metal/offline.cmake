# The kernels, compiled when ringway is built; at run time they are compiled from source only where these do not load.
# RINGWAY_METAL_OFFLINE: AUTO where Xcode's compiler for them works, ON requires it, OFF leaves all to run time, as builds for the
# software device do by default. RINGWAY_XCRUN: the command that finds it.
set(offline_default AUTO)
if(RINGWAY_METAL STREQUAL "SOFTWARE")
  set(offline_default OFF)
  set(RINGWAY_XCRUN "${PROJECT_SOURCE_DIR}/tools/softmetal/xcrun" CACHE FILEPATH "Finds the compiler for Metal kernels")
endif()
set(RINGWAY_METAL_OFFLINE ${offline_default} CACHE STRING "Compile Metal kernels at build time: AUTO, ON or OFF")
set_property(CACHE RINGWAY_METAL_OFFLINE PROPERTY STRINGS AUTO ON OFF)

# Versions of the language as in Gpu::language, each with the options of Xcode's compiler. As compiled at run time, without
# fast mathematics (library.mm).
set(metal_options_300 -std=metal3.0 -mmacosx-version-min=13.3 -fno-fast-math)
set(metal_options_320 -std=metal3.2 -mmacosx-version-min=15.0 -fno-fast-math)

# try_offline(VERSION RESULT): what is wrong with the compiler for that version; empty when it works.
function(try_offline version result)
  set(probe "${CMAKE_CURRENT_BINARY_DIR}/probe_${version}")
  file(WRITE "${probe}.metal" "#include <metal_stdlib>\nkernel void probe() {}\n")
  set(xcrun "${RINGWAY_XCRUN}" -sdk macosx)
  execute_process(COMMAND ${xcrun} metal ${metal_options_${version}} -c "${probe}.metal" -o "${probe}.air"
                  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE said)
  if(NOT failed)
    execute_process(COMMAND ${xcrun} metallib "${probe}.air" -o "${probe}.metallib"
                    RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE said)
  endif()
  if(NOT failed AND NOT EXISTS "${probe}.metallib")
    set(failed 1)
    set(said "it made no library")
  endif()
  string(STRIP "${said}" said)
  if(failed)
    set(${result} "Xcode's compiler for Metal kernels does not work (${said})" PARENT_SCOPE)
  else()
    set(${result} "" PARENT_SCOPE)
  endif()
endfunction()

set(metal_offline_versions "")
if(RINGWAY_METAL_OFFLINE MATCHES "^(AUTO|ON)$")
  find_program(RINGWAY_XCRUN xcrun)
  if(NOT RINGWAY_XCRUN)
    set(offline_absent "xcrun, which finds Xcode's compiler for Metal kernels, was not found")
  else()
    try_offline(300 offline_absent)
    if(NOT offline_absent)
      set(metal_offline_versions 300)
      # Xcode before 16 does not know it.
      try_offline(320 newer_absent)
      if(NOT newer_absent)
        list(APPEND metal_offline_versions 320)
      endif()
    endif()
  endif()
  if(offline_absent AND RINGWAY_METAL_OFFLINE STREQUAL "ON")
    message(FATAL_ERROR "RINGWAY_METAL_OFFLINE=ON: ${offline_absent}. Install Xcode (the command line tools alone have no such "
            "compiler; from Xcode 26 on, xcodebuild -downloadComponent MetalToolchain brings it), or configure with AUTO or OFF.")
  endif()
  message(STATUS "Metal kernels compiled at build time, by version of the language: "
          "${metal_offline_versions} ${offline_absent}")
elseif(NOT RINGWAY_METAL_OFFLINE STREQUAL "OFF")
  message(FATAL_ERROR "RINGWAY_METAL_OFFLINE=${RINGWAY_METAL_OFFLINE}: expected AUTO, ON or OFF.")
endif()

# ringway_metal_library(NAME DEPENDENCY...): NAME.metal, compiled, in the program as compiled_NAME (sources.h).
function(ringway_metal_library name)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/compiled_${name}.cpp")
  set(whole "${CMAKE_CURRENT_BINARY_DIR}/${name}.metal")
  set(libraries "")
  set(files "")
  foreach(version IN LISTS metal_offline_versions)
    set(stem "${CMAKE_CURRENT_BINARY_DIR}/${name}_${version}")
    add_custom_command(OUTPUT "${stem}.metallib"
      COMMAND "${RINGWAY_XCRUN}" -sdk macosx metal ${metal_options_${version}} -c "${whole}" -o "${stem}.air"
      COMMAND "${RINGWAY_XCRUN}" -sdk macosx metallib "${stem}.air" -o "${stem}.metallib"
      DEPENDS "${whole}" COMMENT "Metal library ${name}, version ${version}" VERBATIM)
    list(APPEND libraries "${version}=${stem}.metallib")
    list(APPEND files "${stem}.metallib")
  endforeach()
  if(files)
    add_custom_command(OUTPUT "${whole}"
      COMMAND Python3::Interpreter "${PROJECT_SOURCE_DIR}/tools/embed_metal.py" "${CMAKE_CURRENT_SOURCE_DIR}/${name}.metal"
              "${whole}" -I "${PROJECT_SOURCE_DIR}/native/include" -I "${PROJECT_SOURCE_DIR}/native"
      DEPENDS "${name}.metal" "${PROJECT_SOURCE_DIR}/tools/embed_metal.py" ${ARGN} VERBATIM)
  endif()
  add_custom_command(OUTPUT "${output}"
    COMMAND Python3::Interpreter "${PROJECT_SOURCE_DIR}/tools/embed_metallib.py" "${output}" compiled_${name} ${libraries}
    DEPENDS "${PROJECT_SOURCE_DIR}/tools/embed_metallib.py" ${files} VERBATIM)
  target_sources(ringway_metal PRIVATE "${output}")
endfunction()
