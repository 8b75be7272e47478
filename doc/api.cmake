# SPDX-License-Identifier: MIT
# The manual of the client library, where doxygen is found: the target `doxygen`.
find_program(DOXYGEN doxygen)
if(DOXYGEN)
    get_target_property(dbus_build dbus-1 BINARY_DIR)
    file(GLOB api_headers CONFIGURE_DEPENDS
        ${PROJECT_SOURCE_DIR}/dbus/dbus.h ${PROJECT_SOURCE_DIR}/dbus/dbus-*.h)
    list(APPEND api_headers ${dbus_build}/include/dbus/dbus-arch-deps.h)
    list(JOIN api_headers " " api_headers)
    get_directory_property(DBUS_API_VERSION DIRECTORY ${PROJECT_SOURCE_DIR}/dbus
        DEFINITION DBUS_API_VERSION)
    configure_file(Doxyfile.in Doxyfile @ONLY)
    add_custom_target(doxygen COMMAND ${DOXYGEN} ${CMAKE_CURRENT_BINARY_DIR}/Doxyfile
        COMMENT "Making the manual of libdbus-1" VERBATIM)
endif()
