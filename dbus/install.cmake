# SPDX-License-Identifier: MIT
# What programs need to be compiled and linked with the library: where they look for it.
include(CMakePackageConfigHelpers)

install(TARGETS dbus-1
    LIBRARY DESTINATION ${INSTALL_SHARED_LIBDIR} COMPONENT libdbus-1-3 NAMELINK_SKIP)
install(TARGETS dbus-1
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libdbus-1-dev NAMELINK_ONLY)
install(TARGETS dbus-1-static)
file(GLOB public_headers CONFIGURE_DEPENDS dbus.h dbus-*.h)
install(FILES ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dbus-1.0/dbus)
install(FILES ${arch_include}/dbus/dbus-arch-deps.h
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/dbus-1.0/include/dbus)

# For pkg-config: a package asks it where to put its service files, too.
set(DBUS_LIBS_PRIVATE -lmd)
if(HAVE_SYSTEMD)
    string(PREPEND DBUS_LIBS_PRIVATE "-lsystemd ")
endif()
configure_file(dbus-1.pc.in dbus-1.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dbus-1.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# For find_package(DBus1).
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/DBus1)
set(includedir ${CMAKE_INSTALL_INCLUDEDIR}/dbus-1.0)
set(arch_includedir ${CMAKE_INSTALL_LIBDIR}/dbus-1.0/include)
set(library ${CMAKE_INSTALL_LIBDIR}/libdbus-1.so)
configure_package_config_file(DBus1Config.cmake.in DBus1Config.cmake
    INSTALL_DESTINATION ${package_dir} PATH_VARS includedir arch_includedir library
    NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/DBus1ConfigVersion.cmake
    VERSION ${DBUS_API_VERSION} COMPATIBILITY AnyNewerVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/DBus1Config.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/DBus1ConfigVersion.cmake DESTINATION ${package_dir})

# For those who check XML files of D-Bus without fetching what these name.
set(directory ${CMAKE_INSTALL_FULL_DATADIR}/xml/dbus-1)
configure_file(xml/catalog.xml.in catalog.xml @ONLY)
install(FILES xml/busconfig.dtd xml/introspect.dtd ${CMAKE_CURRENT_BINARY_DIR}/catalog.xml
    DESTINATION ${CMAKE_INSTALL_DATADIR}/xml/dbus-1)
