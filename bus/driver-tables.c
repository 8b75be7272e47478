/* SPDX-License-Identifier: MIT */
#include "bus/driver-call.h"
#include "link/link.h"

#define COUNT(array)   (sizeof(array) / sizeof(*(array)))
#define METHODS(array) .methods = (array), .n_methods = COUNT(array)

static const struct driver_method bus_methods[] = {
        {"Hello", "", "s", DRIVER_ANY_PATH, driver_hello},
        {"RequestName", "su", "u", DRIVER_ANY_PATH, driver_request_name},
        {"ReleaseName", "s", "u", DRIVER_ANY_PATH, driver_release_name},
        {"StartServiceByName", "su", "u", DRIVER_ANY_PATH, driver_start_service_by_name},
        {"UpdateActivationEnvironment", "a{ss}", "", DRIVER_PRIVILEGED, driver_update_environment},
        {"NameHasOwner", "s", "b", DRIVER_ANY_PATH, driver_name_has_owner},
        {"ListNames", "", "as", DRIVER_ANY_PATH, driver_list_names},
        {"ListActivatableNames", "", "as", DRIVER_ANY_PATH, driver_list_activatable_names},
        {"AddMatch", "s", "", DRIVER_ANY_PATH, driver_add_match},
        {"RemoveMatch", "s", "", DRIVER_ANY_PATH, driver_remove_match},
        {"GetNameOwner", "s", "s", DRIVER_ANY_PATH, driver_get_name_owner},
        {"ListQueuedOwners", "s", "as", DRIVER_ANY_PATH, driver_list_queued_owners},
        {"GetConnectionUnixUser", "s", "u", DRIVER_ANY_PATH, driver_get_unix_user},
        {"GetConnectionUnixProcessID", "s", "u", DRIVER_ANY_PATH, driver_get_process_id},
        {"GetAdtAuditSessionData", "s", "ay", DRIVER_ANY_PATH, driver_get_audit_data},
        {"GetConnectionSELinuxSecurityContext", "s", "ay", DRIVER_ANY_PATH,
         driver_get_selinux_context},
        {"ReloadConfig", "", "", DRIVER_ANY_PATH, driver_reload_config},
        {"GetId", "", "s", DRIVER_ANY_PATH, driver_get_id},
        {"GetConnectionCredentials", "s", "a{sv}", DRIVER_ANY_PATH, driver_get_credentials},
};

static const struct driver_property bus_properties[] = {
        {"Features", "as", driver_write_features},
        {"Interfaces", "as", driver_write_interfaces},
};

static const struct driver_method property_methods[] = {
        {"Get", "ss", "v", 0, driver_get_property},
        {"GetAll", "s", "a{sv}", 0, driver_get_all_properties},
        {"Set", "ssv", "", 0, driver_set_property},
};

static const struct driver_method introspectable_methods[] = {
        {"Introspect", "", "s", DRIVER_ANY_PATH, driver_introspect_call},
};

static const struct driver_method monitoring_methods[] = {
        {"BecomeMonitor", "asu", "", DRIVER_PRIVILEGED, driver_become_monitor},
};

static const struct driver_method stats_methods[] = {
        {"GetStats", "", "a{sv}", 0, driver_get_stats},
        {"GetConnectionStats", "s", "a{sv}", 0, driver_get_connection_stats},
        {"GetAllMatchRules", "", "a{sas}", 0, driver_get_all_match_rules},
};

static const struct driver_method peer_methods[] = {
        {"GetMachineId", "", "s", DRIVER_ANY_PATH, driver_get_machine_id},
        {"Ping", "", "", DRIVER_ANY_PATH, driver_ping},
};

static const struct driver_method link_methods[] = {
        {"EnableLinks", LINK_ENABLE_LINKS_TYPE, "", 0, driver_enable_links},
        {"DisableLinks", "", "", 0, driver_disable_links},
        {"LinkClosed", LINK_LINK_CLOSED_TYPE, "", 0, driver_link_closed},
        {"CallsAwaited", LINK_CALLS_AWAITED_TYPE, "", 0, driver_calls_awaited},
        {"ListLinks", "", LINK_LIST_TYPE, DRIVER_PRIVILEGED, driver_list_links},
};

static const struct driver_interface bus_interface = {
        .name = BUS_INTERFACE,
        .any_path = true,
        METHODS(bus_methods),
        .properties = bus_properties,
        .n_properties = COUNT(bus_properties),
        .signals = "    <signal name=\"NameOwnerChanged\">\n"
                   "      <arg type=\"s\"/>\n"
                   "      <arg type=\"s\"/>\n"
                   "      <arg type=\"s\"/>\n"
                   "    </signal>\n"
                   "    <signal name=\"NameLost\">\n"
                   "      <arg type=\"s\"/>\n"
                   "    </signal>\n"
                   "    <signal name=\"NameAcquired\">\n"
                   "      <arg type=\"s\"/>\n"
                   "    </signal>\n"
                   "    <signal name=\"ActivatableServicesChanged\">\n"
                   "    </signal>\n",
};

static const struct driver_interface properties_interface = {
        .name = "org.freedesktop.DBus.Properties",
        METHODS(property_methods),
        .signals = "    <signal name=\"PropertiesChanged\">\n"
                   "      <arg type=\"s\" name=\"interface_name\"/>\n"
                   "      <arg type=\"a{sv}\" name=\"changed_properties\"/>\n"
                   "      <arg type=\"as\" name=\"invalidated_properties\"/>\n"
                   "    </signal>\n",
};

static const struct driver_interface introspectable_interface = {
        .name = "org.freedesktop.DBus.Introspectable",
        .any_path = true,
        METHODS(introspectable_methods),
};

static const struct driver_interface monitoring_interface = {
        .name = "org.freedesktop.DBus.Monitoring",
        METHODS(monitoring_methods),
};

static const struct driver_interface stats_interface = {
        .name = "org.freedesktop.DBus.Debug.Stats",
        METHODS(stats_methods),
};

static const struct driver_interface peer_interface = {
        .name = "org.freedesktop.DBus.Peer",
        .any_path = true,
        METHODS(peer_methods),
};

static const struct driver_interface link_interface = {
        .name = LINK_INTERFACE,
        METHODS(link_methods),
};

const struct driver_interface *const driver_interfaces[] = {
        &bus_interface,   &properties_interface, &introspectable_interface, &monitoring_interface,
        &stats_interface, &peer_interface,       &link_interface,
};
const size_t n_driver_interfaces = COUNT(driver_interfaces);
