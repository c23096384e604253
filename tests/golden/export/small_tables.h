/*
 * a test
 * nothing was measured * / here
 * Same bits as the host: compile without -ffast-math, and with -ffp-contract=off where that is not the default.
 */
#ifndef SMALL_TABLES_H
#define SMALL_TABLES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Activation type 1. */
float small_tables_type1(float z);

/* Activation type 2. */
float small_tables_type2(float z);

/* Activation type 3. */
float small_tables_type3(float z);

/* Activation type 4. */
float small_tables_type4(float z);

/* Activation type 5. */
float small_tables_type5(float z);

/* Activation type 6. */
float small_tables_type6(float z);

#ifdef __cplusplus
}
#endif

#endif
