"""The SonoMini 50, an example. physioctl reads the files beside this one, and runs nothing of it."""
