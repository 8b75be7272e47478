# SPDX-License-Identifier: MIT
# Where things go of which GNUInstallDirs knows nothing, and what belongs together. A component is a
# package of the same name; each folder says which one its files are in unless they say otherwise.

option(DEBIAN_LAYOUT "Install exactly where Debian's packages do" OFF)
if(DEBIAN_LAYOUT)
    # Debian 12 has merged /lib and /usr/lib, but not in what its package manager knows.
    set(INSTALL_SHARED_LIBDIR /lib/${CMAKE_LIBRARY_ARCHITECTURE})
    set(INSTALL_SYSTEM_UNITDIR /lib/systemd/system)
else()
    set(INSTALL_SHARED_LIBDIR ${CMAKE_INSTALL_LIBDIR})
    set(INSTALL_SYSTEM_UNITDIR lib/systemd/system)
endif()
set(INSTALL_USER_UNITDIR lib/systemd/user)

# systemd looks into /usr/local as well, and what is there comes first: who only tries something out
# does not mean to replace the bus of the machine.
set(units OFF)
if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
    set(units ON)
endif()
option(INSTALL_UNITS "Install units of systemd, its users and its temporary files" ${units})
