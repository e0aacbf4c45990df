"""The bounds of each family and each body site.

Made from families.toml and sites.toml by `python -m tools.generate`: do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protocols.limits import Block, Bound, Family, Layer, Quantity

FAMILY_BOUNDS: Mapping[Family, tuple[Bound, ...]] = MappingProxyType({
    Family.ULTRASOUND: (
        Bound(
            quantity=Quantity.INTENSITY_MW_CM2,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for ultrasound",
            at_most=3000,
        ),
        Bound(
            quantity=Quantity.SATA_MW_CM2,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for ultrasound",
            at_most=3000,
        ),
        Bound(
            quantity=Quantity.DUTY_PCT,
            layer=Layer.FAMILY,
            source="families.toml: 100 % is continuous",
            at_least=1,
            at_most=100,
        ),
        Bound(
            quantity=Quantity.CARRIER_KHZ,
            layer=Layer.FAMILY,
            source="families.toml: the range of frequencies IEC 61689:2022 covers",
            at_least=500,
            at_most=5000,
        ),
        Bound(
            quantity=Quantity.PULSE_HZ,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for ultrasound",
            at_most=1000,
        ),
        Bound(
            quantity=Quantity.ENERGY_MJ,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for ultrasound: 3 W/cm² for 30 min from 10 cm²",
            at_most=54000000,
        ),
        Bound(
            quantity=Quantity.STEP_MS,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for ultrasound: 15 min without looking at the skin",
            at_most=900000,
        ),
        Bound(
            quantity=Quantity.DELIVERED_MS,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for ultrasound",
            at_most=1800000,
        ),
    ),
    Family.PERCUSSION: (
        Bound(
            quantity=Quantity.SPEED_PER_MIN,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for percussion",
            at_most=3300,
        ),
        Bound(
            quantity=Quantity.STEP_MS,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for percussion",
            at_most=300000,
        ),
        Bound(
            quantity=Quantity.DELIVERED_MS,
            layer=Layer.FAMILY,
            source="families.toml: physioctl's own ceiling for percussion",
            at_most=900000,
        ),
    ),
})
SITE_TITLES: Mapping[str, str] = MappingProxyType({
    "calf": "calf",
    "thigh": "thigh",
    "upper_arm": "upper arm",
    "forearm": "forearm",
    "foot": "sole of the foot",
    "hand": "hand",
    "wrist": "palm side of the wrist",
    "knee": "muscle around the knee",
    "shoulder": "muscle around the shoulder",
    "abdomen": "abdomen",
    "chest": "chest",
    "neck": "neck",
    "head": "head",
    "groin": "groin",
    "none": "no site",
    "bench": "bench, nobody on the unit",
})
SITE_BOUNDS: Mapping[str, Mapping[Family, tuple[Bound, ...]]] = MappingProxyType({
    "calf": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, calf: one site has at most 15 min of ultrasound",
                at_most=900000,
            ),
        ),
        Family.PERCUSSION: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, calf: one site has at most 5 min of percussion",
                at_most=300000,
            ),
        ),
    }),
    "thigh": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, thigh: one site has at most 15 min of ultrasound",
                at_most=900000,
            ),
        ),
        Family.PERCUSSION: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, thigh: one site has at most 5 min of percussion",
                at_most=300000,
            ),
        ),
    }),
    "upper_arm": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, upper_arm: a small muscle has at most 10 min of ultrasound",
                at_most=600000,
            ),
        ),
        Family.PERCUSSION: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, upper_arm: a small muscle has at most 2 min of percussion",
                at_most=120000,
            ),
        ),
    }),
    "forearm": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, forearm: a small muscle has at most 10 min of ultrasound",
                at_most=600000,
            ),
        ),
        Family.PERCUSSION: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, forearm: a small muscle has at most 2 min of percussion",
                at_most=120000,
            ),
        ),
    }),
    "foot": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, foot: a small muscle has at most 10 min of ultrasound",
                at_most=600000,
            ),
            Bound(
                quantity=Quantity.SATA_MW_CM2,
                layer=Layer.SITE,
                source="sites.toml, foot: bone lies close under the skin",
                at_most=300,
            ),
        ),
        Family.PERCUSSION: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, foot: a small muscle has at most 2 min of percussion",
                at_most=120000,
            ),
        ),
    }),
    "hand": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, hand: a small muscle has at most 10 min of ultrasound",
                at_most=600000,
            ),
            Bound(
                quantity=Quantity.SATA_MW_CM2,
                layer=Layer.SITE,
                source="sites.toml, hand: bone lies close under the skin",
                at_most=300,
            ),
        ),
        Family.PERCUSSION: (),
    }),
    "wrist": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, wrist: one site has at most 15 min of ultrasound",
                at_most=900000,
            ),
            Bound(
                quantity=Quantity.SATA_MW_CM2,
                layer=Layer.SITE,
                source="sites.toml, wrist: bone and the median nerve lie close under the skin",
                at_most=300,
            ),
        ),
        Family.PERCUSSION: (),
    }),
    "knee": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, knee: a joint has at most 10 min of ultrasound",
                at_most=600000,
            ),
            Bound(
                quantity=Quantity.SATA_MW_CM2,
                layer=Layer.SITE,
                source="sites.toml, knee: bone lies close under the skin",
                at_most=530,
            ),
        ),
        Family.PERCUSSION: (),
    }),
    "shoulder": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, shoulder: a joint has at most 10 min of ultrasound",
                at_most=600000,
            ),
            Bound(
                quantity=Quantity.SATA_MW_CM2,
                layer=Layer.SITE,
                source="sites.toml, shoulder: bone lies close under the skin",
                at_most=530,
            ),
        ),
        Family.PERCUSSION: (),
    }),
    "abdomen": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "chest": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "neck": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "head": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "groin": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "none": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "bench": MappingProxyType({
        Family.ULTRASOUND: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, bench: the bench is for checking a unit, not for treating anyone",
                at_most=60000,
            ),
        ),
        Family.PERCUSSION: (
            Bound(
                quantity=Quantity.DELIVERED_MS,
                layer=Layer.SITE,
                source="sites.toml, bench: the bench is for checking a unit, not for treating anyone",
                at_most=60000,
            ),
        ),
    }),
})
SITE_BLOCKS: Mapping[str, Mapping[Family, tuple[Block, ...]]] = MappingProxyType({
    "calf": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "thigh": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "upper_arm": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "forearm": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "foot": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
    "hand": MappingProxyType({
        Family.ULTRASOUND: (),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, hand",
                reason="the hand is small bones with little muscle over them",
            ),
        ),
    }),
    "wrist": MappingProxyType({
        Family.ULTRASOUND: (),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, wrist",
                reason="the wrist is bone and nerve with no muscle belly over them",
            ),
        ),
    }),
    "knee": MappingProxyType({
        Family.ULTRASOUND: (),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, knee",
                reason="percussion belongs on muscle, never on a joint; use the thigh or the calf",
            ),
        ),
    }),
    "shoulder": MappingProxyType({
        Family.ULTRASOUND: (),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, shoulder",
                reason="percussion belongs on muscle, never on a joint; use the upper arm",
            ),
        ),
    }),
    "abdomen": MappingProxyType({
        Family.ULTRASOUND: (
            Block(
                family=Family.ULTRASOUND,
                layer=Layer.SITE,
                source="sites.toml, abdomen",
                reason="organs lie under the muscle, and a cramp here may be something else; guide and refer",
            ),
        ),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, abdomen",
                reason="organs lie under the muscle, and a cramp here may be something else; guide and refer",
            ),
        ),
    }),
    "chest": MappingProxyType({
        Family.ULTRASOUND: (
            Block(
                family=Family.ULTRASOUND,
                layer=Layer.SITE,
                source="sites.toml, chest",
                reason="the heart, and a pacemaker if there is one, lie under it (Mettler Sonicator Plus 930 manual, p. 34)",
            ),
        ),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, chest",
                reason="the heart and lungs lie under it",
            ),
        ),
    }),
    "neck": MappingProxyType({
        Family.ULTRASOUND: (
            Block(
                family=Family.ULTRASOUND,
                layer=Layer.SITE,
                source="sites.toml, neck",
                reason="the stellate ganglion and the spinal cord lie under it (Mettler Sonicator Plus 930 manual, p. 34)",
            ),
        ),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, neck",
                reason="the arteries to the head lie under it",
            ),
        ),
    }),
    "head": MappingProxyType({
        Family.ULTRASOUND: (
            Block(
                family=Family.ULTRASOUND,
                layer=Layer.SITE,
                source="sites.toml, head",
                reason="eyes and brain are never to be treated (Mettler Sonicator Plus 930 manual, p. 34)",
            ),
        ),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, head",
                reason="eyes and brain are never to be treated",
            ),
        ),
    }),
    "groin": MappingProxyType({
        Family.ULTRASOUND: (
            Block(
                family=Family.ULTRASOUND,
                layer=Layer.SITE,
                source="sites.toml, groin",
                reason="reproductive organs are never to be treated (Mettler Sonicator Plus 930 manual, p. 34)",
            ),
        ),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, groin",
                reason="reproductive organs are never to be treated",
            ),
        ),
    }),
    "none": MappingProxyType({
        Family.ULTRASOUND: (
            Block(
                family=Family.ULTRASOUND,
                layer=Layer.SITE,
                source="sites.toml, none",
                reason="a protocol that emits names the body site it emits at",
            ),
        ),
        Family.PERCUSSION: (
            Block(
                family=Family.PERCUSSION,
                layer=Layer.SITE,
                source="sites.toml, none",
                reason="a protocol that emits names the body site it emits at",
            ),
        ),
    }),
    "bench": MappingProxyType({Family.ULTRASOUND: (), Family.PERCUSSION: ()}),
})
