#include "log.h"

#include "lm3s6965.h"

enum { SIZE = 512, LINE_MAX = 128 };

static char queue[SIZE];
static uint16_t head, tail;
static bool lost;

static uint8_t add_text(char *text, uint8_t at, const char *more)
{
    while (*more && at < LINE_MAX - 1) {
        text[at++] = *more++;
    }
    return at;
}

static uint8_t add_number(char *text, uint8_t at, uint32_t number, uint8_t digits)
{
    char reversed[10];
    uint8_t count = 0;
    do {
        reversed[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (count < sizeof reversed && (number || count < digits));
    while (count > 0 && at < LINE_MAX - 1) {
        text[at++] = reversed[--count];
    }
    return at;
}

static uint8_t written(char *text, const log_line_t *line)
{
    uint8_t at = add_text(text, 0, "{\"ms\": ");
    at = add_number(text, at, line->ms, 1);
    at = add_text(text, at, ".");
    at = add_number(text, at, line->us, 3);
    at = add_text(text, at, line->enable ? ", \"enable\": 1, \"pwm\": " : ", \"enable\": 0, \"pwm\": ");
    at = add_number(text, at, line->pwm, 1);
    at = add_text(text, at, ", \"since_pass_us\": ");
    at = add_number(text, at, line->since_pass_us, 1);
    at = add_text(text, at, ", \"why\": \"");
    at = add_text(text, at, lost ? "lost " : "");
    at = add_text(text, at, line->why);
    return add_text(text, at, "\"}\n");
}

void log_change(const log_line_t *line)
{
    char text[LINE_MAX];
    uint8_t length = written(text, line);
    uint16_t room = (uint16_t)(SIZE - 1 - (uint16_t)(head - tail) % SIZE);
    lost = length > room;
    for (uint8_t i = 0; i < length && !lost; i++) {
        queue[head % SIZE] = text[i];
        head = (uint16_t)((head + 1) % SIZE);
    }
}

void log_pump(void)
{
    while (head % SIZE != tail % SIZE && !(UART_FR(UART_1) & UART_FR_TXFF)) {
        UART_DR(UART_1) = (uint8_t)queue[tail % SIZE];
        tail = (uint16_t)((tail + 1) % SIZE);
    }
}

static void put(char character)
{
    while (UART_FR(UART_1) & UART_FR_TXFF) {
    }
    UART_DR(UART_1) = (uint8_t)character;
}

void log_last(const log_line_t *line)
{
    char text[LINE_MAX];
    uint8_t length = written(text, line);
    put('\n'); /* the loop may have been stopped inside a line */
    for (uint8_t i = 0; i < length; i++) {
        put(text[i]);
    }
}
