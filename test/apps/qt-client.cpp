/* SPDX-License-Identifier: MIT */
/* A QtDBus client. Prints 'yes what' or 'no what: why' for each thing it tries. */
#include <cstdio>
#include <unistd.h>

#include <QtCore/QCoreApplication>
#include <QtCore/QEventLoop>
#include <QtCore/QThread>
#include <QtCore/QTimer>
#include <QtDBus/QtDBus>

static const int DEADLINE_MS = 10000;

static int wrong;

static void tell(const char *what, bool right, const QString &why = "another result")
{
        if (right)
                std::printf("yes %s\n", what);
        else
                std::printf("no %s: %s\n", what, qPrintable(why));
        wrong += !right;
}

/* Remembers what it hears, and ends the loop then. */
class Listener : public QObject
{
        Q_OBJECT

      public:
        /* Let the loop turn until so many things were heard. */
        bool wait(int count)
        {
                QEventLoop waiting;
                QTimer patience;
                loop = &waiting;
                wanted = count;
                patience.setSingleShot(true);
                connect(&patience, &QTimer::timeout, &waiting, &QEventLoop::quit);
                patience.start(DEADLINE_MS);
                if (heard.size() < wanted)
                        waiting.exec();
                loop = nullptr;
                return heard.size() >= wanted;
        }

        QStringList heard;

      public slots:
        void hear(const QString &text, int length)
        {
                note(QString("%1 %2").arg(text).arg(length));
        }

        void note(const QString &text)
        {
                heard << text;
                if (loop && heard.size() >= wanted)
                        loop->quit();
        }

      private:
        QEventLoop *loop = nullptr;
        int wanted = 0;
};

/* Called by a peer. */
class Echo : public QObject
{
        Q_OBJECT
        Q_CLASSINFO("D-Bus Interface", "com.example.Echo1")

      public slots:
        QString echo(const QString &text)
        {
                return "peer says " + text;
        }
};

static void call_methods(QDBusInterface &service)
{
        QDBusReply<QString> echoed = service.call("Echo", QString("t\u00e9xt"));
        tell("has a text echoed", echoed.isValid() && echoed.value() == "t\u00e9xt",
             echoed.error().message());
        QVariantMap map{{"one", 1}, {"two", QStringList{"a", "b"}}, {"three", QVariantMap{}}};
        QDBusMessage reply = service.call("Keys", map);
        QVariantMap got = qdbus_cast<QVariantMap>(reply.arguments().value(0));
        tell("has a dictionary of variants echoed",
             reply.arguments().size() == 2 && reply.arguments()[1].toInt() == 3 &&
                     got["two"].toStringList() == QStringList({"a", "b"}),
             reply.errorMessage());
        QDBusReply<uint> sum = service.call("Sum", QByteArray(1 << 20, '\1'));
        tell("sends a megabyte", sum.isValid() && sum.value() == 1u << 20, sum.error().message());
        reply = service.call("Refuse");
        tell("is told of an error by name",
             reply.errorName() == "com.example.Qt.Refused" && reply.errorMessage() == "not today",
             reply.errorName());
        tell("reads a property", service.property("Version").toUInt() == 5);
        tell("changes a property",
             service.setProperty("Mood", "wild") && service.property("Mood").toString() == "wild");
        service.setTimeout(300);
        reply = service.call("Later", 60000, QString("never"));
        tell("gives up waiting", reply.errorName() == "org.freedesktop.DBus.Error.NoReply",
             reply.errorName());
        service.setTimeout(-1);
}

static void send_file(QDBusInterface &service)
{
        int ends[2];

        if (pipe(ends) < 0 || write(ends[1], "in a pipe", 9) != 9)
                return tell("sends a file", false, "no pipe");
        close(ends[1]);
        QDBusReply<QString> text =
                service.call("ReadAll", QVariant::fromValue(QDBusUnixFileDescriptor(ends[0])));
        close(ends[0]);
        tell("sends a file", text.isValid() && text.value() == "in a pipe", text.error().message());
}

static void call_without_waiting(QDBusInterface &service)
{
        Listener listener;

        for (int delay : {300, 10, 100}) {
                auto *watcher = new QDBusPendingCallWatcher(
                        service.asyncCall("Later", delay, QString::number(delay)), &listener);
                QObject::connect(watcher, &QDBusPendingCallWatcher::finished, &listener,
                                 [&listener](QDBusPendingCallWatcher *done) {
                                         listener.note(QDBusPendingReply<QString>(*done).value());
                                 });
        }
        tell("has many calls under way",
             listener.wait(3) && listener.heard == QStringList({"10", "100", "300"}),
             listener.heard.join(","));
}

static void hear_signals(QDBusInterface &service)
{
        QDBusConnection bus = service.connection();
        Listener listener;

        bus.connect("com.example.Qt", "/com/example/Qt", "com.example.Qt1", "Shouted", &listener,
                    SLOT(hear(QString, int)));
        service.call("Shout", QString("loud"));
        tell("receives a signal", listener.wait(1) && listener.heard[0] == "loud 4",
             listener.heard.join(","));
        bus.disconnect("com.example.Qt", "/com/example/Qt", "com.example.Qt1", "Shouted", &listener,
                       SLOT(hear(QString, int)));
        service.call("Shout", QString("unheard"));
        service.call("Echo", QString(""));
        QCoreApplication::processEvents();
        tell("receives no more when it has had enough", listener.heard.size() == 1);
}

static void call_from_threads()
{
        QVector<QThread *> threads;
        QAtomicInt right;

        for (int number = 0; number < 4; ++number) {
                threads << QThread::create([number, &right] {
                        QDBusInterface service("com.example.Qt", "/com/example/Qt",
                                               "com.example.Qt1");
                        for (int round = 0; round < 50; ++round) {
                                QString text = QString("%1 %2").arg(number).arg(round);
                                QDBusReply<QString> echoed = service.call("Echo", text);
                                right.fetchAndAddRelaxed(echoed.value() == text);
                        }
                });
                threads.last()->start();
        }
        for (QThread *thread : threads) {
                thread->wait();
                delete thread;
        }
        tell("calls from many threads on one connection", right.loadRelaxed() == 200,
             QString::number(right.loadRelaxed()));
}

static void talk_to_peer()
{
        QDBusServer server("unix:tmpdir=/tmp");
        Listener listener;
        Echo echo;

        server.setAnonymousAuthenticationAllowed(false);
        QObject::connect(&server, &QDBusServer::newConnection, &listener,
                         [&](const QDBusConnection &connection) {
                                 QDBusConnection(connection)
                                         .registerObject("/o", &echo,
                                                         QDBusConnection::ExportAllSlots);
                                 listener.note("connected");
                         });
        QDBusConnection peer = QDBusConnection::connectToPeer(server.address(), "peer");
        QDBusMessage message =
                QDBusMessage::createMethodCall(QString(), "/o", "com.example.Echo1", "echo");
        message << "hello";
        bool connected = listener.wait(1);
        auto *watcher = new QDBusPendingCallWatcher(peer.asyncCall(message), &listener);
        QObject::connect(watcher, &QDBusPendingCallWatcher::finished, &listener,
                         [&listener](QDBusPendingCallWatcher *done) {
                                 listener.note(QDBusPendingReply<QString>(*done).value());
                         });
        tell("serves and calls a peer without a bus",
             connected && listener.wait(2) && listener.heard.last() == "peer says hello",
             server.lastError().message() + peer.lastError().message());
        QDBusConnection::disconnectFromPeer("peer");
}

static void see_it_go(QDBusInterface &service)
{
        QDBusServiceWatcher watcher("com.example.Qt", service.connection(),
                                    QDBusServiceWatcher::WatchForUnregistration);
        Listener listener;

        QObject::connect(&watcher, &QDBusServiceWatcher::serviceUnregistered, &listener,
                         &Listener::note);
        service.call(QDBus::NoBlock, "Quit");
        tell("sees the service go", listener.wait(1) && listener.heard[0] == "com.example.Qt",
             listener.heard.join(","));
}

int main(int argc, char **argv)
{
        QCoreApplication application(argc, argv);
        QDBusInterface service("com.example.Qt", "/com/example/Qt", "com.example.Qt1");

        tell("introspects the service", service.isValid(), service.lastError().message());
        call_methods(service);
        send_file(service);
        call_without_waiting(service);
        hear_signals(service);
        call_from_threads();
        talk_to_peer();
        see_it_go(service);
        return wrong ? 1 : 0;
}

#include "qt-client.moc"
