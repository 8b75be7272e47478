# SPDX-License-Identifier: MIT
# Libraries from the distribution. Optional ones are used where they are found; the summary at
# the end of the configure run says which.

find_package(PkgConfig REQUIRED)
find_package(EXPAT REQUIRED)
pkg_check_modules(LIBMD REQUIRED IMPORTED_TARGET libmd)

set(optional_dependencies)

# optional_dependency(NAME PKGCONFIG WHAT): sets HAVE_NAME and the imported target PkgConfig::NAME.
function(optional_dependency name pkgconfig what)
    option(WITH_${name} "${what}" ON)
    set(have OFF)
    if(WITH_${name})
        pkg_check_modules(${name} IMPORTED_TARGET ${pkgconfig})
        if(${name}_FOUND)
            set(have ON)
            add_compile_definitions(HAVE_${name}=1)
        endif()
    endif()
    set(HAVE_${name} ${have} PARENT_SCOPE)
    list(APPEND optional_dependencies "${name}|${have}|${what}")
    set(optional_dependencies ${optional_dependencies} PARENT_SCOPE)
endfunction()

optional_dependency(SYSTEMD libsystemd "readiness, socket activation, journal")
optional_dependency(CAPNG libcap-ng "keeping CAP_AUDIT_WRITE while dropping privileges")
optional_dependency(AUDIT audit "audit session data and audit messages")
optional_dependency(SELINUX libselinux "SELinux labels and mediation")
optional_dependency(APPARMOR libapparmor "AppArmor labels and mediation")

function(dependencies_summary)
    message(STATUS "dbus-direct ${PROJECT_VERSION}, ${CMAKE_BUILD_TYPE}")
    foreach(entry IN LISTS optional_dependencies)
        string(REPLACE "|" ";" fields "${entry}")
        list(GET fields 0 name)
        list(GET fields 1 have)
        list(GET fields 2 what)
        message(STATUS "  ${name}: ${have} (${what})")
    endforeach()
endfunction()
