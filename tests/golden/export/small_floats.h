/*
 * a test
 * nothing was measured * / here
 * Same bits as the host: compile without -ffast-math, and with -ffp-contract=off where that is not the default.
 */
#ifndef SMALL_FLOATS_H
#define SMALL_FLOATS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SMALL_FLOATS_INPUTS 2
#define SMALL_FLOATS_OUTPUTS 2
/* Elements of scratch of small_floats_predict. */
#define SMALL_FLOATS_WORK 6

/*
 * The inputs of small_floats_run, in order:
 *   0: time * / of day
 *   1: fast
 * The classes:
 *   0: walk
 *   1: déjà "vu"?
 */

/* Bytes of stack that small_floats_run takes for its numbers; nothing is static, so it may be interrupted by itself. */
#define SMALL_FLOATS_RUN_STACK 32

/*
 * From raw inputs, as they stand in the table, to the answer.
 * Returns the number of the class; out gets the probability of each class.
 * Returns a negative number, and leaves out as it was, if an input is NaN or infinite, or so large that nothing finite
 * comes out. No heap, no library.
 */
int small_floats_run(const float raw[SMALL_FLOATS_INPUTS], float out[SMALL_FLOATS_OUTPUTS]);

/* The names of the classes. */
extern const char *const small_floats_classes[2];

/* Activation type 1. */
float small_floats_type1(float z);

/* Activation type 2. */
float small_floats_type2(float z);

/* The outputs of the network alone for one sample. */
void small_floats_predict(const float *x, float *out, float *work);

#ifdef __cplusplus
}
#endif

#endif
