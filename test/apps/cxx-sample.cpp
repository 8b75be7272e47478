/* SPDX-License-Identifier: MIT */
/*
 * A service and a client with libdbus-c++: "cxx-sample serve" and "cxx-sample call". The client
 * prints 'yes what' or 'no what: why' for each thing it tries.
 */
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <dbus-c++/dbus.h>

#include "cxx-sample-adaptor.h"
#include "cxx-sample-proxy.h"

static const char *const NAME = "com.example.Sample";
static const char *const OBJECT = "/com/example/Sample";

static DBus::BusDispatcher dispatcher;

class Service : public com::example::Sample1_adaptor,
                public DBus::IntrospectableAdaptor,
                public DBus::ObjectAdaptor
{
      public:
        explicit Service(DBus::Connection &bus) : DBus::ObjectAdaptor(bus, OBJECT)
        {
        }

        std::string Echo(const std::string &text) override
        {
                return text;
        }

        int32_t Add(const int32_t &left, const int32_t &right) override
        {
                return left + right;
        }

        std::map<std::string, uint32_t> Lengths(const std::vector<std::string> &texts) override
        {
                std::map<std::string, uint32_t> lengths;
                for (const auto &text : texts)
                        lengths[text] = text.size();
                return lengths;
        }

        void Refuse() override
        {
                throw DBus::Error("com.example.Sample.Error.Refused", "not today");
        }

        void Shout(const std::string &text) override
        {
                Shouted(text);
        }

        void Quit() override
        {
                dispatcher.leave();
        }
};

class Client : public com::example::Sample1_proxy,
               public DBus::IntrospectableProxy,
               public DBus::ObjectProxy
{
      public:
        explicit Client(DBus::Connection &bus) : DBus::ObjectProxy(bus, OBJECT, NAME)
        {
        }

        void Shouted(const std::string &text) override
        {
                heard = text;
                dispatcher.leave();
        }

        std::string heard;
};

static int wrong;

static void tell(const char *what, bool right, const char *why = "another result")
{
        if (right)
                std::printf("yes %s\n", what);
        else
                std::printf("no %s: %s\n", what, why);
        wrong += !right;
}

static void call(DBus::Connection &bus)
{
        Client client(bus);

        tell("has a text echoed", client.Echo("text") == "text");
        tell("has numbers added", client.Add(-5, 3) == -2);
        auto lengths = client.Lengths({"a", "four", ""});
        tell("sends an array, gets a dictionary", lengths.size() == 3 && lengths["four"] == 4);
        try {
                client.Refuse();
                tell("is told of an error by name", false, "there was none");
        } catch (const DBus::Error &error) {
                tell("is told of an error by name",
                     !std::strcmp(error.name(), "com.example.Sample.Error.Refused") &&
                             !std::strcmp(error.message(), "not today"),
                     error.name());
        }
        tell("introspects the service",
             client.Introspect().find("<signal name=\"Shouted\">") != std::string::npos);
        client.Shout("loud");
        if (client.heard.empty())
                dispatcher.enter();
        tell("receives a signal", client.heard == "loud", client.heard.c_str());
}

int main(int argc, char **argv)
{
        bool serving = argc > 1 && !std::strcmp(argv[1], "serve");

        DBus::default_dispatcher = &dispatcher;
        try {
                DBus::Connection bus = DBus::Connection::SessionBus();
                if (serving) {
                        Service service(bus);
                        bus.request_name(NAME);
                        dispatcher.enter();
                } else {
                        call(bus);
                }
        } catch (const DBus::Error &error) {
                std::fprintf(stderr, "%s: %s\n", error.name(), error.message());
                return 1;
        }
        return wrong ? 1 : 0;
}
