/* The model that is built, chosen by -DNAMEPLATE='"us111.h"' (or "ultragun.h", "ultragun_pro.h"). */
#ifndef NAMEPLATE_H
#define NAMEPLATE_H

#include "../physioctl_wire.h"

#ifndef NAMEPLATE
#error "name a model: -DNAMEPLATE='\"us111.h\"'"
#endif

#include NAMEPLATE

/* The level as a PWM duty. */
#define NAMEPLATE_PWM(level) ((uint8_t)((uint32_t)(level) * 255u / NAMEPLATE_LEVEL_MAX))

/* The bit of Fault that this firmware adds: its state and the complement of it differed. */
#define FAULT_MEMORY 0x0100u

#endif
