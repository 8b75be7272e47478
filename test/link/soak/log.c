/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <assert.h>
#include <err.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define HEADER_SIZE sizeof(struct record)
#define MAX_RECORDS (512u * 1024)

static_assert(sizeof(struct record) == 128, "soak/logs.py knows the layout");

uint64_t monotonic_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void log_open(struct log *log, const char *path)
{
        size_t size = HEADER_SIZE + MAX_RECORDS * sizeof(struct record);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        uint8_t *p;

        if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
                err(1, "%s", path);
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                err(1, "%s", path);
        close(fd);
        log->header = (struct log_header *)p;
        log->records = (struct record *)(p + HEADER_SIZE);
        log->room = MAX_RECORDS;
}

void log_add(struct log *log, const struct record *record, const char *name, const char *text)
{
        uint64_t n = log->header->n_records;
        struct record *r = &log->records[n];

        if (n == log->room)
                errx(1, "the log is full");
        *r = *record;
        r->time = monotonic_now();
        snprintf(r->name, sizeof(r->name), "%s", name ? name : "");
        snprintf(r->text, sizeof(r->text), "%s", text ? text : "");
        /* Whoever reads it, even after a kill, sees whole records. */
        atomic_thread_fence(memory_order_release);
        *(volatile uint64_t *)&log->header->n_records = n + 1;
}
