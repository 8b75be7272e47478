#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Breaks the code of peer links, one rule at a time, and sees that a test fails each time.

    test/link/mutants.py [--work DIRECTORY] [--repeat N] [NAME...]

Works on a clone of the repository, with its own build. A break that the test lets pass, even once
in N runs, is reported, and the exit status is 1.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import typing

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "test"))

import leftovers  # noqa: E402

TIMEOUT_S = 25
MARK = "LINK_MUTANTS_RUN"


class Mutant(typing.NamedTuple):
    """`old` becomes `new` in `file`; then the cases `path` of link-`test` have to fail."""

    name: str
    file: str
    old: str
    new: str
    test: str
    path: str


MUTANTS = (
    Mutant("call-without-pending-call", "dbus/link-send.c",
           "return !header_wants_reply(h) || awaited_find(c, h->serial);", "return (void)c, h;",
           "replies", "/replies/no-pending-call"),
    Mutant("unasked-dropped", "dbus/link-receive.c",
           "return !a && m->wire.header.flags & LINK_FLAG_UNASKED;", "return false;",
           "replies", "/replies/unasked/any"),
    Mutant("unasked-taken", "bus/route.c",
           "(policy_allows(&d, to) ? LINK_FLAG_UNASKED : 0)", "LINK_FLAG_UNASKED",
           "replies", "/replies/unasked/denied"),
    Mutant("second-reply-taken", "dbus/link-receive.c",
           "return a && !a->reply ? a : NULL;", "return a;",
           "replies", "/replies/twice/denied"),
    Mutant("flags-of-signals", "dbus/connection-io.c",
           "if (c->links && m->wire.header.reply_serial && !take_reply(c, m))",
           "if (c->links && !take_reply(c, m))",
           "replies", "/replies/unknown-flags"),
    Mutant("queue-joined", "bus/driver-names.c",
           "        else\n                links_queues_changed(c->bus, c->caller);\n", "",
           "reload", "/reload/queue"),
    Mutant("no-routed-test", "dbus/link-send.c",
           "link_counter_load(&links->clock->routed) == c->n_sent", "true",
           "order", "/order/signal-then-call"),
    Mutant("no-routed-test-reply", "dbus/link-send.c",
           "link_counter_load(&links->clock->routed) == c->n_sent", "true",
           "order", "/order/signal-then-reply"),
    Mutant("no-stamp", "dbus/link-send.c",
           "frame.stamp = link_counter_load(&link->clock->queued);", "frame.stamp = 0;",
           "order", "/order/call-waits-for-bus"),
    Mutant("no-drain-before-bus", "dbus/connection-io.c",
           "        if (has_links(c))\n                links_drain(c);\n", "",
           "order", "/order/three/routed"),
    Mutant("no-cut", "dbus/link-receive.c",
           "links->n_open > 1 ? monotonic_now() : UINT64_MAX", "UINT64_MAX",
           "order", "/order/three/a-first-all-linked"),
    Mutant("no-time-order", "dbus/link/merge.c",
           "a->stamp != b->stamp ? a->stamp < b->stamp : a->time < b->time",
           "a->stamp < b->stamp",
           "order", "/order/three/c-first-all-linked"),
    Mutant("no-knock", "dbus/link-receive.c",
           "if (waits == c->links->is_knocking || set_knocking(c, waits))", "if (true)",
           "order", "/order/after-cut"),
    Mutant("drop-when-full", "dbus/link-send.c",
           "!send_packet(c->links, link, m))", "(send_packet(c->links, link, m), false))",
           "kill", "/kill/stopped-receiver"),
    Mutant("drop-when-closed", "dbus/link-send.c",
           "!send_packet(c->links, link, m))", "(send_packet(c->links, link, m), false))",
           "reload", "/reload/under-load"),
    Mutant("no-adoption", "bus/links.c",
           "        for (size_t i = 0; i < n; ++i)\n                adopt(bus, e, serials[i]);\n",
           "        (void)serials;\n        (void)n;\n        (void)adopt;\n",
           "kill", "/kill/callee"),
    Mutant("no-awaited-said", "dbus/link-tell.c",
           "if (!a->reply)", "if (false)",
           "kill", "/kill/callee"),
    Mutant("links-kept-at-exit", "bus/dispatch.c",
           "        links_leave(bus, p);\n", "",
           "kill", "/kill/both"),
    Mutant("monitor-closes-nothing", "bus/driver-match.c",
           "links_close_all(bus, LINK_MONITORED);", "",
           "monitors", "/monitors/in-the-middle/monitor"),
    Mutant("monitor-closes-nothing-at-speed", "bus/driver-match.c",
           "links_close_all(bus, LINK_MONITORED);", "",
           "monitors", "/monitors/full-speed/monitor"),
    Mutant("eavesdropper-closes-nothing", "bus/driver-match.c",
           "links_close_all(c->bus, LINK_MONITORED);", "(void)0;",
           "monitors", "/monitors/in-the-middle/eavesdropper"),
    Mutant("monitor-is-shown-the-flag", "bus/route.c",
           "if (is_shared)", "if (is_shared && !match_registry_empty(d->bus->eavesdrop))",
           "monitors", "/monitors/in-the-middle/monitor"),
    Mutant("eavesdropper-is-shown-the-flag", "bus/route.c",
           "if (is_shared)", "if (is_shared && match_registry_empty(d->bus->eavesdrop))",
           "monitors", "/monitors/in-the-middle/eavesdropper"),
    Mutant("linked-while-monitored", "bus/link-offer.c",
           "!match_registry_empty(bus->monitors) ||", "",
           "monitors", "/monitors/none-meanwhile/monitor"),
    Mutant("reload-closes-nothing", "bus/links.c",
           "                link_close(bus, l, LINK_POLICY);\n", "                (void)l;\n",
           "reload", "/reload/in-the-middle"),
    Mutant("reload-closes-all", "bus/links.c",
           "same = !r;", "same = false;",
           "reload", "/reload/unchanged"),
    Mutant("sender-ignores-rules", "dbus/link-send.c",
           "link_direction_allows(&link->may_send, &m->wire.header, m->wire.bytes)", "true",
           "reload", "/reload/some/send"),
    Mutant("receiver-ignores-rules", "dbus/link-receive.c",
           "link_direction_allows(&link->may_receive, h, bytes)", "true",
           "hostile", "/hostile/policy"),
    Mutant("any-sender", "dbus/link-receive.c",
           "!h->text[FIELD_SENDER].at", "true",
           "hostile", "/hostile/sender/other"),
    Mutant("any-stamp", "dbus/link-receive.c",
           "frame->stamp <= link_counter_load(&c->links->clock->queued)", "true",
           "hostile", "/hostile/stamp/future"),
    Mutant("any-time", "dbus/link/merge.c",
           "        if (a->time > now)\n                a->time = now;\n", "        (void)now;\n",
           "hostile", "/hostile/time"),
    Mutant("any-descriptors", "dbus/link-receive.c",
           "return p->is_cut ? h->n_fds > p->n_fds : h->n_fds == p->n_fds;", "return h && p;",
           "hostile", "/hostile/fds/unannounced"),
    Mutant("any-frame-version", "dbus/link/frame.c",
           "p.version != LINK_VERSION", "0",
           "hostile", "/hostile/frame/version"),
    Mutant("any-body", "dbus/link-receive.c",
           "body_validate(bytes + h.size, h.body_size, signature, h.order)",
           "(signature ? 0 : body_validate(bytes + h.size, h.body_size, signature, h.order))",
           "hostile", "/hostile/message/body"),
    Mutant("any-destination", "dbus/link-receive.c",
           "if (!is_for_us(c, message_text(&m->wire, FIELD_DESTINATION))) {",
           "if (!is_for_us(c, message_text(&m->wire, FIELD_DESTINATION)) && !c) {",
           "hostile", "/hostile/destination/other"),
    Mutant("refused-but-not-what-is-behind", "dbus/link-receive.c",
           "c->links->is_over || link->is_refused", "c->links->is_over",
           "hostile", "/hostile/destination/other"),
    Mutant("any-size", "dbus/link-receive.c",
           "return m->wire.size <= limits->message_size && m->wire.n_fds <= limits->message_fds;",
           "return limits && m;",
           "limits", "/limits/size/two-links"),
    Mutant("any-number-of-descriptors", "dbus/link-receive.c",
           "m->wire.n_fds <= limits->message_fds;", "true;",
           "limits", "/limits/fds/one-link"),
    Mutant("goes-on-behind-the-limit", "dbus/link-receive.c",
           "c->links->is_over || link->is_refused", "link->is_refused",
           "limits", "/limits/size/one-link"),
    Mutant("descriptors-without-room", "dbus/link-receive.c",
           "why == -ENOMEM || why == -EMFILE", "why == -ENOMEM",
           "limits", "/limits/no-room/one-link"),
    Mutant("short-read-is-all", "dbus/link-receive.c",
           "read_share(c, link, 0);", "read_share(c, link, LINK_PACKETS);",
           "ends", "/ends/reset/two-links"),
    Mutant("drop-when-refused", "dbus/link-send.c",
           "!send_packet(c->links, link, m))", "(send_packet(c->links, link, m), false))",
           "ends", "/ends/refused"),
    Mutant("closed-stays-in-the-set", "dbus/link-join.c",
           "epoll_ctl(c->links_fd, EPOLL_CTL_DEL, link->fd, NULL);", "(void)c;",
           "ends", "/ends/fork/end"),
    Mutant("copy-changes-the-set", "dbus/link-join.c",
           "if (is_of_this_process(c->links))", "if (c->links)",
           "ends", "/ends/fork/close/two-links"),
    Mutant("copy-empties-links", "dbus/link-join.c",
           "!links->is_over && is_of_this_process(links)", "!links->is_over",
           "ends", "/ends/fork/close/one-link"),
    Mutant("any-number-of-calls", "dbus/link-send.c",
           "!is_right_road(c, link, m, by_name) || !links_may_call(c, m) ||",
           "!is_right_road(c, link, m, by_name) ||",
           "calls", "/calls/limit/one-link"),
    Mutant("calls-of-links-untold", "dbus/link-send.c",
           "                links_tell_calls(c);\n", "                (void)c;\n",
           "calls", "/calls/limit/one-link"),
    Mutant("calls-of-links-uncounted", "bus/route.c",
           "(uint64_t)from->replies.n_made + links_calls_awaited(from)",
           "(uint64_t)from->replies.n_made",
           "calls", "/calls/limit/two-links"),
    Mutant("calls-of-the-bus-uncounted", "bus/reply.c",
           "if (caller->told)", "if (false)",
           "calls", "/calls/limit/one-link"),
    Mutant("unread-replies-uncounted", "dbus/link-calls.c",
           "!is_at_limit(c) || may_have_replies(c)", "!is_at_limit(c)",
           "calls", "/calls/unread/one-link"),
    Mutant("unread-replies-by-link-uncounted", "dbus/link-calls.c",
           "links_bus_is_ahead(c) || epoll_wait(c->links_fd, &event, 1, 0)",
           "links_bus_is_ahead(c) || epoll_wait(-1, &event, 1, 0) > 0",
           "calls", "/calls/unread/two-links"),
    Mutant("replies-let-through-uncounted", "dbus/connection-io.c",
           "links_count_let_through(c->links, m);", "(void)c;",
           "calls", "/calls/answered-by-bus"),
    Mutant("limit-of-calls-as-it-was", "bus/links.c",
           "linked_tell_limit(bus, l->ends[j].linked);", "(void)bus;",
           "calls", "/calls/reload"),
    Mutant("told-of-any-message", "bus/links.c",
           "p->linked && p->linked->n_calls_at == p->n_routed + 1", "p->linked",
           "calls", "/calls/said"),
    Mutant("linked-in-spite-of-timeout", "bus/link-offer.c",
           "bus->reply_timeout >= 0", "bus->reply_timeout > 100000",
           "calls", "/calls/timeout"),
    Mutant("any-reply-by-link", "dbus/link-receive.c",
           "return !serial || (a && a->peer == link->peer);", "return !serial || a;",
           "hostile", "/hostile/replies/link"),
    Mutant("any-reply-by-bus", "dbus/link-receive.c",
           "return !strcmp(sender, a->peer->name);", "return true;",
           "hostile", "/hostile/replies/bus"),
    Mutant("any-number-adopted", "bus/driver-links.c",
           "n > LINK_MAX_AWAITED", "false",
           "hostile", "/hostile/link-closed/much"),
    Mutant("any-clock", "bus/driver-links.c",
           "return told <= now && now - told <= LINK_CLOCK_TOLERANCE;",
           "return told <= now || told;",
           "hostile", "/hostile/join"),
    Mutant("names-close-nothing", "bus/links.c",
           "                close_links_of(bus, old_owner->linked);\n",
           "                (void)close_links_of;\n",
           "names", "/names/moves-in-the-middle"),
    Mutant("names-of-peer-stay", "dbus/link-send.c",
           "(!by_name || link_counter_load(&links->clock->names) == links->names_epoch)", "!by_name",
           "names", "/names/comes"),
    Mutant("links-not-watched", "dbus/connection-main-loop.c",
           "if (c->links && !c->is_reader_asleep && connection_may_read(c))", "if (false)",
           "apps", "/apps/main-loop"),
    Mutant("links-watched-always", "dbus/connection.c",
           "return tell_watch(c, c->links_watch, connection_may_read(c));", "return false;",
           "limits", "/limits/kept"),
    Mutant("descriptor-keeps-links", "dbus/connection-settings.c",
           "links_disable(c);", "(void)c;",
           "apps", "/apps/raw-descriptor"),
    Mutant("never-silent", "dbus/link-send.c",
           "#define BUSY_AFTER 32", "#define BUSY_AFTER 31",
           "silent", "/silent"),
    Mutant("environment-ignored", "dbus/link-send.c",
           'w = !value || strcmp(value, "0") != 0;', "w = !value || *value;",
           "apps", "/apps/exec/without"),
    Mutant("reads-all-links", "dbus/link-receive.c",
           "                drain_ready(c);\n", "                (void)drain_ready, drain_all(c);\n",
           "many", "/many/ready"),
    Mutant("reads-some-links", "dbus/link-receive.c",
           "n == MAX_READY && again--", "false && again--",
           "many", "/many/ready"),
    Mutant("wrong-limits-start", "bus/config-load.c",
           'result = config_fail(&r->file, CONFIG_E_FAILED, "%s", error ? error : "");', "result = 0;",
           "many", "/many/start"),
    Mutant("no-limit-of-connection", "bus/link-offer.c",
           "l->n_open < limits->max_per_connection &&", "",
           "many", "/many/per-connection"),
    Mutant("no-limit-of-user", "bus/link-offer.c",
           "< limits->max_per_user", ">= 0",
           "many", "/many/per-user"),
    Mutant("no-limit-of-bus", "bus/link-offer.c",
           "bus->links.n_open < limits->max", "true",
           "many", "/many/thousand"),
    Mutant("no-reclaim", "bus/link-offer.c",
           "        return reclaim(bus, l);", "        (void)reclaim;\n        return false;",
           "many", "/many/reclaim"),
    Mutant("descriptors-lost", "dbus/link-receive.c",
           "                close_descriptors(p->fds, p->n_fds);\n                return r;",
           "                return r;",
           "hostile", "/hostile/fds/many"),
)


def run(command: list[str], **options: typing.Any) -> int:
    """Runs a command quietly, and returns its exit status; a timeout is a failure."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False, **options).returncode
    except subprocess.TimeoutExpired:
        return -1


def test(build: pathlib.Path, mutant: Mutant) -> int:
    """Runs the cases that a mutant is about. A test that fails leaves its daemon behind."""
    mark = str(os.getpid())
    try:
        return run([str(build / "test" / "link" / f"link-{mutant.test}"), "--tap", "-p",
                    mutant.path, str(build / "bus" / "dbus-daemon")], timeout=TIMEOUT_S,
                   env={**os.environ, MARK: mark})
    finally:
        leftovers.kill_marked(MARK, mark)


def try_mutant(tree: pathlib.Path, build: pathlib.Path, mutant: Mutant, repeat: int) -> str:
    """Returns what is wrong, or an empty string."""
    path = tree / mutant.file
    text = path.read_text()
    if text.count(mutant.old) < 1:
        return "there is nothing to break"
    targets = ["dbus-daemon", f"link-{mutant.test}"]
    path.write_text(text.replace(mutant.old, mutant.new))
    try:
        if run(["ninja", "-C", str(build), *targets]):
            return "it does not compile"
        passed = sum(test(build, mutant) == 0 for _ in range(repeat))
    finally:
        path.write_text(text)
    return f"passes {passed} of {repeat} times" if passed else ""


def main() -> int:
    """Tries all mutants, or those that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/link-mutants"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    tree, build = options.work / "tree", options.work / "build"
    if not tree.exists():
        subprocess.run(["git", "clone", "-q", str(SOURCE), str(tree)], check=True)
        subprocess.run(["cmake", "-S", str(tree), "-B", str(build), "-G", "Ninja",
                        "-DCMAKE_BUILD_TYPE=Debug"], check=True, stdout=subprocess.DEVNULL)
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]
    tests = sorted({m.test for m in chosen})
    if run(["ninja", "-C", str(build), "dbus-daemon", *(f"link-{t}" for t in tests)]):
        sys.exit("the code as it is does not compile")
    n_wrong = 0
    for m in chosen:
        what = try_mutant(tree, build, m, options.repeat)
        n_wrong += bool(what)
        print(f"{m.name}: {m.path} {what or 'fails, as it has to'}", flush=True)
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
