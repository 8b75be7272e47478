# SPDX-License-Identifier: MIT
# The configuration files of the two well-known buses. Where a system bus is, and as whom it runs,
# is agreed upon by everything on a system, so it does not depend on the prefix.
set(DBUS_SYSCONFDIR ${CMAKE_INSTALL_FULL_SYSCONFDIR}/dbus-1 CACHE STRING
    "Where administrators configure the buses")
set(DBUS_USER messagebus CACHE STRING "The user as whom the system bus runs")
set(DBUS_SYSTEM_ADDRESS unix:path=/run/dbus/system_bus_socket CACHE STRING
    "Where the system bus listens")
set(DBUS_SYSTEM_PIDFILE /run/dbus/pid CACHE STRING "The pid file of the system bus")
set(DBUS_SESSION_LISTEN unix:tmpdir=/tmp CACHE STRING
    "Where a session bus listens, unless it is told otherwise")
set(DBUS_LAUNCH_HELPER ${CMAKE_INSTALL_PREFIX}/lib/dbus-1.0/dbus-daemon-launch-helper CACHE STRING
    "The setuid program that starts services of the system bus")

foreach(bus session system)
    configure_file(${bus}.conf.in ${CMAKE_CURRENT_BINARY_DIR}/${bus}.conf @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${bus}.conf
        DESTINATION ${CMAKE_INSTALL_DATADIR}/dbus-1 COMPONENT dbus-${bus}-bus-common)
    # Where packages and administrators put what is theirs.
    install(DIRECTORY DESTINATION ${CMAKE_INSTALL_DATADIR}/dbus-1/${bus}.d
        COMPONENT dbus-${bus}-bus-common)
    install(DIRECTORY DESTINATION ${DBUS_SYSCONFDIR}/${bus}.d COMPONENT dbus-${bus}-bus-common)
endforeach()
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_DATADIR}/dbus-1/services
    COMPONENT dbus-session-bus-common)
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_DATADIR}/dbus-1/system-services
    COMPONENT dbus-system-bus-common)
