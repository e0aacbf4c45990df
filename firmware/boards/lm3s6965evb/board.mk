# The LM3S6965 evaluation board (Cortex-M3), which qemu-system-arm emulates.
#
#   make lm3s6965evb UNIT=us111  build/lm3s6965evb/us111.elf; flash and RAM are printed
#
# LM3S_EXTRA='-DWATCHDOG_MS=250u' is for an emulator that does not always get to run: its watchdog counts on.

ARM_BOARD := boards/lm3s6965evb
ARM_FLAGS := -mcpu=cortex-m3 -mthumb -std=gnu11 -Os -g $(WARN) -I. -Inameplates -ffunction-sections \
  -fdata-sections -nostartfiles --specs=nano.specs -Wl,--gc-sections -T $(ARM_BOARD)/lm3s6965.ld

.PHONY: lm3s6965evb
lm3s6965evb: table $(BUILD)/lm3s6965evb/$(UNIT).elf
	@arm-none-eabi-size -A $(BUILD)/lm3s6965evb/$(UNIT).elf | awk '/^\.text/ {f += $$2} /^\.data/ {f += $$2; r += $$2} \
	  /^\.(bss|kept)/ {r += $$2} /^\.stack/ {s = $$2} \
	  END {printf "lm3s6965evb, $(UNIT): flash %d bytes, RAM %d bytes of data and %d kept for the stack\n", f, r, s}'

$(BUILD)/lm3s6965evb/$(UNIT).elf: $(CORE) $(wildcard $(ARM_BOARD)/*) $(HEADERS) Makefile
	@mkdir -p $(@D)
	arm-none-eabi-gcc $(ARM_FLAGS) $(LM3S_EXTRA) $(NAMEPLATE) -o $@ $(CORE) $(wildcard $(ARM_BOARD)/*.c)
