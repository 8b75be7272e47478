/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the service in lib-client is called, for those who call it.
 */
#define SERVICE_NAME      "org.bench.Service"
#define SERVICE_PATH      "/org/bench/Object"
#define SERVICE_INTERFACE "org.bench.Interface"
#define SERVICE_EMIT      "Emit" /* asks for so many (u) signals */
#define SERVICE_TICK      "Tick" /* the signal */
#define SERVICE_QUIT      "Quit" /* ends it */
