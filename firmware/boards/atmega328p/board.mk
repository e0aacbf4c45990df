# The ATmega328P (Arduino Uno), and the program that runs its image on libsimavr.
#
#   make atmega328p UNIT=us111  build/atmega328p/us111.elf and .hex; flash and RAM are printed, and held to
#   make simavr                 build/simavr/harness

PYTHON ?= python3
AVR_BOARD := boards/atmega328p
# Each of them makes this image smaller, 400 bytes in all.
AVR_SMALLER := -fno-gcse -fno-move-loop-invariants -fno-tree-sra
AVR_FLAGS := -mmcu=atmega328p -DF_CPU=16000000UL -std=gnu11 -Os -g -flto $(AVR_SMALLER) $(WARN) -I. -Inameplates \
  -ffunction-sections -fdata-sections -Wl,--gc-sections,--relax
AVR_FLASH_MAX := 8192
AVR_RAM_MAX := 1024

.PHONY: atmega328p simavr
atmega328p: table $(BUILD)/atmega328p/$(UNIT).elf
	@$(PYTHON) ../tools/avr_sizes.py $(BUILD)/atmega328p/$(UNIT).elf $(AVR_FLASH_MAX) $(AVR_RAM_MAX)

$(BUILD)/atmega328p/$(UNIT).elf: $(CORE) $(AVR_BOARD)/board.c $(HEADERS) Makefile $(AVR_BOARD)/board.mk
	@mkdir -p $(@D)
	avr-gcc $(AVR_FLAGS) $(NAMEPLATE) -o $@ $(CORE) $(AVR_BOARD)/board.c
	avr-objcopy -O ihex -R .eeprom $@ $(@:.elf=.hex)

simavr: $(BUILD)/simavr/harness
$(BUILD)/simavr/harness: $(wildcard simavr/*.c) $(wildcard simavr/*.h) $(AVR_BOARD)/board.mk
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -Wall -Wextra -Wshadow -Werror $$(pkg-config --cflags simavr) -o $@ $(wildcard simavr/*.c) -lsimavr -lelf
