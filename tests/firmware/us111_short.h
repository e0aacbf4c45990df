/* The US111, with suspensions that end by themselves soon: for the lockstep test. */
#ifndef NAMEPLATE_US111_SHORT_H
#define NAMEPLATE_US111_SHORT_H

#include "us111.h"

#undef NAMEPLATE_SUSPENSION_MAX_MS
#define NAMEPLATE_SUSPENSION_MAX_MS 900u

#endif
