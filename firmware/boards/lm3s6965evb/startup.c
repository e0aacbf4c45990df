/* What stands before main(): the vectors, and memory as C expects it. A fault ends output and waits for the watchdog. */
#include <stdint.h>

#include "startup.h"

extern uint32_t stack_top, data_image, data_start, data_end, bss_start, bss_end;

void on_reset(void);
int main(void);

void on_reset(void)
{
    end_output();
    for (uint32_t *to = &data_start, *from = &data_image; to < &data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = &bss_start; to < &bss_end;) {
        *to++ = 0;
    }
    main();
}

/* With a stack that is sound again: what has led here may be that it was not. */
__attribute__((naked)) static void on_fault(void)
{
    __asm__ volatile("ldr r0, =stack_top\n msr msp, r0\n b on_trap");
}

typedef void (*vector_t)(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    vector_t handlers[15 + IRQS];
} vectors = {&stack_top,
             {[0] = on_reset,
              [1 ... 14 + IRQ_UART0] = on_fault,
              [15 + IRQ_UART0] = on_uart0,
              [16 + IRQ_UART0... 14 + IRQ_WATCHDOG] = on_fault,
              [15 + IRQ_WATCHDOG] = on_watchdog,
              [16 + IRQ_WATCHDOG... 14 + IRQ_TIMER1A] = on_fault,
              [15 + IRQ_TIMER1A] = on_timer1,
              [16 + IRQ_TIMER1A... 14 + IRQS] = on_fault}};
