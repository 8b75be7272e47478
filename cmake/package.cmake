# SPDX-License-Identifier: MIT
# Debian packages in the place of the distribution's, built by `make package` with CPack. They have
# the names of those, because a system depends on these names and on all of them being of one version,
# and a version that sorts behind the release of the reference whose interfaces they have. Going back
# is installing the distribution's again.
if(NOT DEBIAN_LAYOUT)
    return()
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(directory ${CMAKE_CURRENT_LIST_DIR}/package)
get_directory_property(interface DIRECTORY ${PROJECT_SOURCE_DIR}/dbus DEFINITION DBUS_API_VERSION)
set(version ${interface}+direct${PROJECT_VERSION}-1)

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)   # /etc and /lib are not below the prefix
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME dbus-direct)
set(CPACK_PACKAGE_VENDOR dbus-direct)
set(CPACK_PACKAGE_CONTACT "The authors of dbus-direct <dbus-direct@localhost>")
# Each package has its own.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_VERSION ${version})
set(CPACK_DEBIAN_PACKAGE_RELEASE "")
set(CPACK_PACKAGE_VERSION ${version})
set(CPACK_DEBIAN_PACKAGE_SOURCE "dbus-direct (${PROJECT_VERSION})")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENTS_ALL)

# What CPack cannot do: the Multi-Arch field, conffiles, dependencies on libraries of our own.
set(CPACK_POST_BUILD_SCRIPTS ${directory}/finish.cmake)
set(CPACK_FINISH_COMMAND ${Python3_EXECUTABLE} -B ${directory}/finish.py
    --library-directory ${PROJECT_BINARY_DIR}/dbus
    --copyright ${PROJECT_SOURCE_DIR}/LICENSE --changelog ${PROJECT_SOURCE_DIR}/NEWS)

# package(NAME SUMMARY SECTION MULTIARCH ARCHITECTURE DEPENDS PROVIDES ...)
macro(package name)
    cmake_parse_arguments(arg "" "SUMMARY;TEXT;SECTION;MULTIARCH;ARCHITECTURE"
        "DEPENDS;PREDEPENDS;RECOMMENDS;SUGGESTS;PROVIDES;BREAKS;REPLACES" ${ARGN})
    string(TOUPPER ${name} upper)
    list(APPEND CPACK_COMPONENTS_ALL ${name})
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${arg_SECTION})
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "${arg_SUMMARY}\n${arg_TEXT}")
    if(arg_ARCHITECTURE)
        set(CPACK_DEBIAN_${upper}_PACKAGE_ARCHITECTURE ${arg_ARCHITECTURE})
    endif()
    foreach(field DEPENDS PREDEPENDS RECOMMENDS SUGGESTS PROVIDES BREAKS REPLACES)
        string(REPLACE ";" ", " value "${arg_${field}}")
        set(CPACK_DEBIAN_${upper}_PACKAGE_${field} "${value}")
    endforeach()
    list(APPEND CPACK_FINISH_COMMAND --multi-arch ${name}=${arg_MULTIARCH})
    file(GLOB CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA
        ${directory}/${name}/preinst ${directory}/${name}/postinst ${directory}/${name}/prerm
        ${directory}/${name}/postrm ${directory}/${name}/triggers ${directory}/${name}/shlibs)
endmacro()

set(same "(= ${version})")
set(part "This package is of dbus-direct and takes the place of the distribution's.")

package(libdbus-1-3 SECTION libs MULTIARCH same
    SUMMARY "simple interprocess messaging system (library)"
    TEXT "D-Bus is a message bus, by which programs call each other and tell of events. This is the library for clients of it, which talk to each other directly where they both use it.\n.\n${part}"
    RECOMMENDS dbus)
package(libdbus-1-dev SECTION libdevel MULTIARCH same
    SUMMARY "simple interprocess messaging system (development files)"
    TEXT "The headers and the static library for programs that use libdbus.\n.\n${part}"
    DEPENDS "libdbus-1-3 ${same}" pkg-config "xml-core (>= 0.14)")
package(dbus-bin SECTION admin MULTIARCH foreign
    SUMMARY "simple interprocess messaging system (command line utilities)"
    TEXT "Programs to send messages, to watch a bus and its peer links, and to look after what buses need.\n.\n${part}"
    DEPENDS "libdbus-1-3 ${same}" BREAKS dbus-tests REPLACES dbus-tests)
package(dbus-session-bus-common SECTION admin MULTIARCH foreign ARCHITECTURE all
    SUMMARY "simple interprocess messaging system (session bus configuration)"
    TEXT "The configuration of the bus of a user's session.\n.\n${part}")
package(dbus-system-bus-common SECTION admin MULTIARCH foreign ARCHITECTURE all
    SUMMARY "simple interprocess messaging system (system bus configuration)"
    TEXT "The configuration of the bus of the system, its socket and its user.\n.\n${part}"
    DEPENDS adduser)
package(dbus-daemon SECTION admin MULTIARCH foreign
    SUMMARY "simple interprocess messaging system (message bus daemon)"
    TEXT "The daemon that is a bus, and a program to run others with a bus of their own.\n.\n${part}"
    DEPENDS "dbus-bin ${same}" "dbus-session-bus-common (>= ${version})" "libdbus-1-3 ${same}")
package(dbus SECTION admin MULTIARCH foreign
    SUMMARY "simple interprocess messaging system (system message bus)"
    TEXT "The bus of the system, by which its services are called.\n.\n${part}"
    PREDEPENDS "init-system-helpers (>= 1.54~)"
    DEPENDS "dbus-bin ${same}" "dbus-daemon ${same}" "dbus-system-bus-common (>= ${version})"
    SUGGESTS "default-dbus-session-bus | dbus-session-bus"
    PROVIDES "dbus-system-bus ${same}" default-dbus-system-bus)
package(dbus-user-session SECTION admin MULTIARCH foreign
    SUMMARY "simple interprocess messaging system (systemd --user integration)"
    TEXT "One session bus for each user, run by the user's systemd.\n.\n${part}"
    DEPENDS "dbus-daemon ${same}" "dbus-session-bus-common (>= ${version})" libpam-systemd systemd
    RECOMMENDS systemd-sysv
    PROVIDES dbus-session-bus default-dbus-session-bus)
package(dbus-x11 SECTION x11 MULTIARCH foreign
    SUMMARY "simple interprocess messaging system (X11 deps)"
    TEXT "A session bus for each X11 display, where nobody else provides one.\n.\n${part}"
    DEPENDS "dbus-bin ${same}" "dbus-daemon ${same}" "dbus-session-bus-common (>= ${version})"
    PROVIDES dbus-session-bus)

# What only Debian has.
install(PROGRAMS ${directory}/dbus/init.sh DESTINATION /etc/init.d RENAME dbus COMPONENT dbus)
install(FILES ${directory}/dbus/default DESTINATION /etc/default RENAME dbus COMPONENT dbus)
install(DIRECTORY DESTINATION /var/lib/dbus COMPONENT dbus)
install(FILES ${directory}/dbus-user-session/20dbus_xdg-runtime DESTINATION /etc/X11/Xsession.d
    COMPONENT dbus-user-session)
install(FILES ${directory}/dbus-x11/75dbus_dbus-launch
    ${directory}/dbus-x11/95dbus_update-activation-env DESTINATION /etc/X11/Xsession.d
    COMPONENT dbus-x11)

include(CPack)
