/*
 * a test
 * nothing was measured * / here
 * Same bits as the host: compile without -ffast-math, and with -ffp-contract=off where that is not the default.
 */
#ifndef SMALL_INTEGERS_H
#define SMALL_INTEGERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SMALL_INTEGERS_INPUTS 2
#define SMALL_INTEGERS_OUTPUTS 2
/* Elements of scratch of small_integers_predict. */
#define SMALL_INTEGERS_WORK 6

/*
 * Readings of these inputs are too large for their spread: a float does not tell them apart. Subtract the offset in
 * integers or in double before the reading becomes a float: raw[i] = (float)(reading - SMALL_INTEGERS_INPUT_OFFSET_i).
 */
#define SMALL_INTEGERS_INPUT_OFFSET_0 1700000000.0

/*
 * Values of these outputs are too large for their spread: a float does not tell them apart. Add the offset in integers
 * or in double: value = (double)out[i] + SMALL_INTEGERS_OUTPUT_OFFSET_i.
 */
#define SMALL_INTEGERS_OUTPUT_OFFSET_1 1000000000.0

/* Bytes of stack that small_integers_run takes for its numbers; nothing is static, so it may be interrupted by itself. */
#define SMALL_INTEGERS_RUN_STACK 28

/*
 * From raw inputs, as they stand in the table, to the answer.
 * Returns 0; out gets the values, in the units of the table that was learned from.
 * Returns a negative number, and leaves out as it was, if an input is NaN or infinite, or so large that nothing finite
 * comes out. No heap, no library.
 */
int small_integers_run(const float raw[SMALL_INTEGERS_INPUTS], float out[SMALL_INTEGERS_OUTPUTS]);

/* Raw inputs as the network takes them; x and to may be the same. */
void small_integers_standardise(const float *x, float *to);

/* Inputs as integers: (q - zero) * step stands for x. */
#define SMALL_INTEGERS_INPUT_STEP 0.05f
#define SMALL_INTEGERS_INPUT_ZERO (3)
void small_integers_quantise(const float *x, int8_t *q);

/* The outputs of the network alone for one sample; y * step stands for an output. */
#define SMALL_INTEGERS_OUTPUT_STEP 0.01f
void small_integers_predict(const int8_t *x, int16_t *out, int8_t *work);

#ifdef __cplusplus
}
#endif

#endif
