"""The page ``docs/wire.md``: the rules of the conversation, and every message of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PREFACE = """\
# The native dialect

How physioctl and a unit speak. Any maker may use it. This page is made from `device/wire/table.toml` by
`python -m tools.generate`; so are the Python messages, the C header `firmware/physioctl_wire.h` and the
golden vectors `device/wire/vectors.json`: one frame for each message, bytes that are no frame, and a
whole conversation with its times. No real unit speaks it yet: it has been run against the simulated unit
only.

Both ends can be written from this page and the vectors alone. What it leaves to a unit it names as the
unit's own.

## Frames

```
00 | COBS( type u8 | seq u16 | body, at most {body_max} bytes | crc32 u32 ) | 00
```

1. Little-endian. The CRC-32 is that of zlib, over type, seq and body. {baud} baud, 8N1.
2. A receiver keeps at most one frame's bytes, 72 between two zeros. What does not decode (too long, no
   COBS, less than 7 bytes, another CRC) is counted once and forgotten, and the next zero byte starts
   anew. Two frames may share the zero between them. Nothing between two zeros is nothing.
3. Types 0x00 to 0x7F are a host's, 0x80 to 0xFF a unit's. A unit counts a frame of a unit's type as
   thrown away and does not answer it; a host does the same with a frame of a host's type.

## Fields

1. An enum (`Family`, `UnitState`, `Result`) is one byte, a set of bits (`Fault`, `Sensor`) two.
2. `lease` is one byte n for a lease of (n + 1) × 10 ms: neither zero nor endless can be written.
   `version` is three bytes: major, minor, patch.
3. A text is ASCII, 0x20 to 0x7E, padded with zeros; one that fills its field has no zero. A list is
   padded with zeros and holds none.
4. All times are whole milliseconds of the unit's own clock. `uptime_ms` turns over at 2³², and ages are
   taken modulo 2³².
5. A new value of an enum, or a body of another length, needs a new major version: an answer that cannot
   be read whole confirms nothing and is thrown away.

## Requests and answers

1. The host asks and the unit answers, once for each request, under the same `seq`. The unit never speaks
   first. A host believes an answer only if its `seq` is the one it asked under.
2. `Identity` and `Capabilities` answer their own questions. Every other request, refused or not, one of
   these two that is refused, and one of a type that the unit does not know, is answered by the whole
   `Status`, so that a lost answer costs nothing. It is taken after the request has taken effect: the answer
   to a `Stop` shows the output as it is then.
3. The answer leaves within 70 ms of the request's last byte. While output may be on, this host gives a
   request up 80 ms after it was sent and asks another; an answer that comes later is not believed. It
   sends a `Stop` when it has believed no answer for its lease less 100 ms.
4. At any one millisecond the unit's timers run first, then the requests that have arrived. Among its
   timers the end of the step comes first, then the session's ceilings, then the lease; in `SUSPENDED` the
   lease, then `suspension_max_ms`.
5. **Nothing is clamped.** What is above the nameplate or the armed ceilings is refused and changes
   nothing.

## What is refused, and in which order

The first of these that holds is the `result`. A refused request changes nothing.

1. `UNKNOWN_TYPE`: a type below 0x80 that is no request.
2. `BAD_LENGTH`: a body of another length than the request's. `Stop` alone is taken with any body.
3. Not refused, and not done: the same bytes as the latest of `Arm`, `Set`, `Renew`, `Lower` and `Clear`
   that was carried out, under the same `seq`, with no `Stop` since. It is answered `OK` with a fresh
   status.
4. `Identify`, `GetCapabilities`, `GetStatus` and `Stop` end here: they are done.
5. `BAD_NONCE`: another nonce than the unit's.
6. `FAULTED`: `Arm`, `Set`, `Renew` or `Lower` in `FAULT`.
7. `BAD_STATE`: `Arm` in `EMITTING` or `SUSPENDED`; `Set` in `IDLE` or `LAPSED`; `Renew` and `Lower` but in
   `EMITTING` and `SUSPENDED`; `Clear` but in `FAULT`.
8. `BAD_SESSION`: `Set`, `Renew` or `Lower` with another session than the armed one.
9. `STALE`:
   * `Set`, `Renew`, or an `Arm` of the session that the counts belong to, whose `seq` is not newer (see
     below);
   * an `Arm` of one of the latest 32 sessions that another has replaced;
   * an `Arm` or a `Clear` whose date is 1000 ms old or older (999 ms is taken), or yet to come;
   * an `Arm` dated before the latest `Stop`.
10. `BAD_VALUE`: in an `Arm`, a session or a ceiling of 0; in a `Set`, a level below `level_min`, a duty
    cycle, carrier or pulse frequency that the unit does not give (`pulse_hz` is 0 at 100 % and not 0
    below), a `for_ms` of 0, a `ramp_ms` above `for_ms`; in a `Lower`, a level below `level_min`.
11. `BAD_LEASE`: a lease outside `lease_min_ms` to `lease_max_ms`; both are taken.
12. `OVER_NAMEPLATE`: an `Arm` or a `Set` above `level_max`; in an `Arm`, above `delivered_max_ms`; in a
    `Set`, above `step_max_ms`, or level × duty above `average_max` (a nameplate of 0 bounds nothing).
13. `OVER_CEILING`: an `Arm` that raises any ceiling of its session; a `Set` above the armed level, one
    whose `for_ms` goes beyond the armed time, or one without energy left for one millisecond at its level
    and duty cycle; a `Lower` above the running step's level.
14. `STALE`: a `Set` or `Renew` whose lease is over (see below).
15. `CAUSE_REMAINS`: a `Clear` while the cause of a latched fault is there.

## At most once, and nothing old

1. Only `Arm`, `Set`, `Renew` and `Lower` count for `seq`, and only when they are carried out. What
   changes nothing, what is refused, `Stop` and `Clear` count for nothing: another host's `GetStatus` beside a
   session, under whatever `seq`, ends nothing. A `Renew` that leaves a longer lease as it is, is carried out
   all the same, and counts.
2. A `seq` is newer than the newest that counts if it is ahead of it, modulo 2¹⁶, by 1 to 32767: neither
   the same nor exactly half a turn away. Another request under the last `seq` is therefore `STALE`.
3. An `Arm` of another session is not compared: the counting begins afresh with its `seq`.
   `delivered_ms`, `step_ms` and `energy_mj` begin at 0.
4. A `Lower` is not compared either; when it is carried out, its `seq` becomes the newest if it is newer.
5. **An Arm is dated**, and so are a `Set`, a `Renew` and a `Clear`, by `unit_uptime_ms`: the `uptime_ms` of
   the latest `Status` that the host has heard. What a line has kept back while somebody stopped the unit
   arms nothing. An `Arm` with the date of the very millisecond of the `Stop` is taken: the answer to the
   `Stop` has that date.
6. A host that has not heard what became of a `Set` sends an `Arm` of its session before another `Set`. That
   counts for `seq`, so that the first is `STALE` if it should still come. A `GetStatus` would not do.
7. `Stop` is taken in any state, under any `seq`, with no nonce, with any body, any number of times. It
   ends the output, drops the step and disarms the session; in `FAULT` the unit stays in `FAULT`.
8. After a restart the unit is `IDLE`, its output is off, its counts and `session` are 0 and its nonce is
   another.

## Leases

1. **Output is a lease.** It ends when its lease runs out unrenewed; the unit counts a lapse and is
   `LAPSED`.
2. **A lease is dated.** It runs from `unit_uptime_ms`, and not from when the request arrives: what is left is
   `lease_ms` less the age of `unit_uptime_ms`, modulo 2³². When that age is `lease_ms` or more, the lease is
   over or yet to come. What a line, an adapter or a host has kept back starts nothing and prolongs
   nothing.
3. A `Set` begins a lease of its own, in the place of any other. A `Renew` never shortens one: where the
   running lease goes further, the `Renew` is done and changes nothing.

## Steps

1. `for_ms` counts only while output is on: it stands still in `SUSPENDED`. The unit ends the step by itself
   to the millisecond, and goes to `READY`.
2. What is refused when it is asked is listed above. What is cut while it runs: the step at its `for_ms`,
   at the session's `delivered_max_ms`, and before its `energy_max_mj` is passed, at most 100 ms of output
   early. All three lead to `READY`.
3. **Output changes on a straight line**, over `ramp_ms` of delivered time, from the level it has (0 when
   it was off) to the level set, up or down. This host sets a level from 0 only.
4. A `Set` in `SUSPENDED` replaces the step; its output begins when contact is back.
5. **A Lower is done at once.** Output above the new level is at it with no ramp; output still on its way
   up goes on along its line as far as the new level and no further. Nothing else of the step changes:
   neither its time nor its lease. The session's `level_max` becomes the new level, for every later `Set`
   and `Arm` of the session. A `Lower` to the level that the step has already is done.
6. **Contact.** It is lost while `contact_pct` is below 50 and output, as it is at that moment, is at
   200 mW/cm² or above: on a line from 0 it is not judged before. A unit that senses contact holds its output
   (`SUSPENDED`) within 300 ms of its being lost and staying so, and goes on (`EMITTING`) within 500 ms of its
   being back and staying so. After `suspension_max_ms`, which a `Set`
   meanwhile does not begin anew, it ends the step and goes to `READY`.
7. On its return output rises from 0 on a straight line to the step's level, over 500 ms or what was left
   of the ramp (`ramp_ms` less the step's delivered time), whichever is longer.
8. **A fault** ends the output at once, drops the step and disarms the session, in any state; the counts
   stay readable.

## What a status has to agree with

A host ends the session of a unit that says otherwise.

1. `asked` is the type of the request.
2. Once a session is armed, `session` names it until another is armed or the unit restarts.
3. In `EMITTING` and `SUSPENDED`, `level_set` is the level of the `Set`, or of a `Lower` since; it changes
   with the answer to the `Lower` and not before. `duty_set_pct` is that of the `Set`, and `lease_left_ms` is
   what is left of the lease. In every other state the three are 0.
4. `output` is at most a fifth above the level set or the line of its rise, and 300 ms after a `Lower` at
   most a fifth above the new level.
5. `step_ms`, `delivered_ms` and the time for which output was on go together. Neither `delivered_ms` nor
   `energy_mj` goes back within a session.
6. For ultrasound `energy_mj` is output × area × duty cycle × time, within a fifth and half a second of
   output: the half second counts against 2 s and against 20 s of a session's output.
7. For percussion `energy_mj` is what the unit measures of the work it does on the body; it follows from
   no setting. A host holds it to two things: it does not grow while output is off, and it ends at
   `energy_max_mj`.
8. A unit in `FAULT` names the fault. A fault that has no name is a fault all the same and ends the
   session.
9. `GetStatus` and `Stop` are never refused, a `Lower` of a running step neither; a `Renew` of a running step
   only where its lease is over, as `STALE`.
10. A unit that does not hold or does not go on as *Contact* says, by its own `contact_pct`, has 1 s and
    1.5 s in sum.

## What this host asks of a unit

1. `major` is {major}. A unit of another major version is looked at and stopped, never driven.
2. `model` is the name of a nameplate: of `device/nameplates`, or one that another distribution or the user
   adds; and `family` is that model's. A unit of another model is driven only once a person has confirmed it,
   under the generic nameplate of its family: `device/nameplates/generic`. There the lower of each two bounds
   holds.
3. Every sensor that the nameplate names: `OUTPUT`, `HEAD_TEMP` and `CONTACT` for the US111; `OUTPUT` and
   `BATTERY` for the massage guns.
4. Every number that the nameplate gives a range for lies in it, and no bound is above the nameplate's.
5. `lease_max_ms` is at least 300, and `lease_min_ms` at most 500 and at most `lease_max_ms`. The host
   asks for 500 ms, or for `lease_max_ms` when that is shorter, and renews every 90 ms.
6. The unit is `IDLE` with no fault latched, and was calibrated within the last 365 days if it says when.

"""


def manual(table: Mapping[str, Any]) -> str:
    """The page ``docs/wire.md``."""
    lines = [_PREFACE.format(**table["dialect"]) + "## Messages", ""]
    for message in table["message"]:
        heading = f"### 0x{message['type']:02X} {message['name']} ({message['from']})"
        lines += [heading, "", message["about"], ""]
        if message["fields"]:
            lines += ["| field | kind | unit | meaning |", "|---|---|---|---|"]
            for f in message["fields"]:
                lines.append(f"| `{f['name']}` | {f['kind']} | {f.get('unit', '')} | {f['about']} |")
            lines.append("")
    lines += [
        "## Values",
        "",
    ]
    for enum in (*table["enum"], *table["flags"]):
        form = "0x{:04X}" if enum in table["flags"] else "{}"
        lines += [f"### {enum['name']}", "", enum["about"], "", "| value | name | meaning |", "|---|---|---|"]
        lines += [f"| {form.format(v['value'])} | {v['name']} | {v['about']} |" for v in enum["values"]]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"
