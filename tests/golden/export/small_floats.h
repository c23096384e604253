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
/* Elements of scratch. */
#define SMALL_FLOATS_WORK 6

/* The names of the classes. */
extern const char *const small_floats_classes[2];

/* Activation type 1. */
float small_floats_type1(float z);

/* Activation type 2. */
float small_floats_type2(float z);

/* The outputs for one sample. */
void small_floats_predict(const float *x, float *out, float *work);

#ifdef __cplusplus
}
#endif

#endif
