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
/* Elements of scratch. */
#define SMALL_INTEGERS_WORK 6

/* Raw inputs as the network takes them; x and to may be the same. */
void small_integers_standardise(const float *x, float *to);

/* Inputs as integers: (q - zero) * step stands for x. */
#define SMALL_INTEGERS_INPUT_STEP 0.05f
#define SMALL_INTEGERS_INPUT_ZERO (3)
void small_integers_quantise(const float *x, int8_t *q);

/* The outputs for one sample; y * step stands for an output. */
#define SMALL_INTEGERS_OUTPUT_STEP 0.01f
void small_integers_predict(const int8_t *x, int16_t *out, int8_t *work);

#ifdef __cplusplus
}
#endif

#endif
