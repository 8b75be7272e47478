/* SPDX-License-Identifier: MIT */
/* A QtDBus service, with an adaptor. */
#include <cstdio>

#include <QtCore/QCoreApplication>
#include <QtCore/QFile>
#include <QtCore/QTimer>
#include <QtDBus/QtDBus>

class Adaptor : public QDBusAbstractAdaptor
{
        Q_OBJECT
        Q_CLASSINFO("D-Bus Interface", "com.example.Qt1")
        Q_PROPERTY(QString Mood READ mood WRITE setMood)
        Q_PROPERTY(uint Version READ version)

      public:
        explicit Adaptor(QObject *parent) : QDBusAbstractAdaptor(parent)
        {
        }

        QString mood() const
        {
                return currentMood;
        }

        void setMood(const QString &mood)
        {
                currentMood = mood;
        }

        uint version() const
        {
                return 5;
        }

      public slots:
        QString Echo(const QString &text)
        {
                return text;
        }

        QVariantMap Keys(const QVariantMap &map, int &count)
        {
                count = map.size();
                return map;
        }

        uint Sum(const QByteArray &data)
        {
                uint sum = 0;
                for (char byte : data)
                        sum += static_cast<unsigned char>(byte);
                return sum;
        }

        void Refuse(const QDBusMessage &message)
        {
                message.setDelayedReply(true);
                QDBusConnection::sessionBus().send(
                        message.createErrorReply("com.example.Qt.Refused", "not today"));
        }

        /* Answers later, in the order of the delays. */
        QString Later(int milliseconds, const QString &text, const QDBusMessage &message)
        {
                message.setDelayedReply(true);
                QTimer::singleShot(milliseconds, this, [message, text] {
                        QDBusConnection::sessionBus().send(message.createReply(text));
                });
                return QString();
        }

        QString ReadAll(const QDBusUnixFileDescriptor &descriptor)
        {
                QFile file;
                file.open(descriptor.fileDescriptor(), QIODevice::ReadOnly);
                return QString::fromUtf8(file.readAll());
        }

        void Shout(const QString &text)
        {
                emit Shouted(text, text.size());
        }

        void Quit()
        {
                QCoreApplication::quit();
        }

      signals:
        void Shouted(const QString &text, int length);

      private:
        QString currentMood = "calm";
};

int main(int argc, char **argv)
{
        QCoreApplication application(argc, argv);
        QObject object;
        QDBusConnection bus = QDBusConnection::sessionBus();

        new Adaptor(&object);
        if (!bus.registerObject("/com/example/Qt", &object) ||
            !bus.registerService("com.example.Qt")) {
                std::fprintf(stderr, "%s\n", qPrintable(bus.lastError().message()));
                return 1;
        }
        return application.exec();
}

#include "qt-service.moc"
