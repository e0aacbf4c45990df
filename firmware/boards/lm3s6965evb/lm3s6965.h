/* The registers of the LM3S6965 that are used here. Written from its data sheet's register map. */
#ifndef LM3S6965_H
#define LM3S6965_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

#define SYSCTL_PBORCTL REG(0x400FE030u)
#define SYSCTL_RIS REG(0x400FE050u)
#define SYSCTL_RCC REG(0x400FE060u)
#define SYSCTL_RCGC0 REG(0x400FE100u)
#define SYSCTL_RCGC1 REG(0x400FE104u)
#define SYSCTL_RCGC2 REG(0x400FE108u)

#define WDT_LOAD REG(0x40000000u)
#define WDT_CTL REG(0x40000008u)
#define WDT_LOCK REG(0x40000C00u)

#define GPIO_A 0x40004000u
#define GPIO_B 0x40005000u
#define GPIO_C 0x40006000u
#define GPIO_D 0x40007000u
#define GPIO_DATA(port, mask) REG((port) + ((mask) << 2))
#define GPIO_DIR(port) REG((port) + 0x400u)
#define GPIO_AFSEL(port) REG((port) + 0x420u)
#define GPIO_PUR(port) REG((port) + 0x510u)
#define GPIO_DEN(port) REG((port) + 0x51Cu)

#define UART_0 0x4000C000u
#define UART_1 0x4000D000u
#define UART_DR(uart) REG((uart) + 0x000u)
#define UART_FR(uart) REG((uart) + 0x018u)
#define UART_IBRD(uart) REG((uart) + 0x024u)
#define UART_FBRD(uart) REG((uart) + 0x028u)
#define UART_LCRH(uart) REG((uart) + 0x02Cu)
#define UART_CTL(uart) REG((uart) + 0x030u)
#define UART_IFLS(uart) REG((uart) + 0x034u)
#define UART_IM(uart) REG((uart) + 0x038u)
#define UART_ICR(uart) REG((uart) + 0x044u)
enum { UART_FR_TXFF = 0x20, UART_FR_RXFE = 0x10, UART_DR_OVERRUN = 0x800, UART_DR_ERRORS = 0xF00 };

#define TIMER_0 0x40030000u
#define TIMER_1 0x40031000u
#define TIMER_CFG(timer) REG((timer) + 0x000u)
#define TIMER_TAMR(timer) REG((timer) + 0x004u)
#define TIMER_CTL(timer) REG((timer) + 0x00Cu)
#define TIMER_IMR(timer) REG((timer) + 0x018u)
#define TIMER_ICR(timer) REG((timer) + 0x024u)
#define TIMER_TAILR(timer) REG((timer) + 0x028u)
#define TIMER_TAMATCHR(timer) REG((timer) + 0x030u)

#define SYSTICK_CSR REG(0xE000E010u)
#define SYSTICK_RVR REG(0xE000E014u)
#define SYSTICK_CVR REG(0xE000E018u)
#define NVIC_ISER0 REG(0xE000E100u)

enum { IRQ_UART0 = 5, IRQ_WATCHDOG = 18, IRQ_TIMER1A = 21 };

#endif
