/*
 * a test
 * nothing was measured * / here
 * Same bits as the host: compile without -ffast-math, and with -ffp-contract=off where that is not the default.
 */
#include "small_floats.h"

/* The cell of a position, held between the first and the last. */
static int32_t small_floats_cell(float position, int32_t last)
{
    if (!(position > 0.0f)) {
        return 0;
    }
    return position >= (float)last ? last : (int32_t)position;
}

static float small_floats_pairs(const float *entries, int32_t last, float per, float offset, float z)
{
    const int32_t i = small_floats_cell(z * per + offset, last);
    return entries[2 * i] + entries[2 * i + 1] * z;
}

/* pairs, 3 knots on [-1, 1] */
static const float small_floats_table1[4] = {
    -0.3f, -0.17500001f, -0.050000012f, 0.07499999f,
};

float small_floats_type1(float z)
{
    return small_floats_pairs(small_floats_table1, 1, 1.0f, 1.0f, z);
}

/* pairs, 4 knots on [-2, 1] */
static const float small_floats_table2[6] = {
    -0.3f, -0.17500001f, -0.050000012f, 0.07499999f, 0.19999999f, 0.325f,
};

float small_floats_type2(float z)
{
    return small_floats_pairs(small_floats_table2, 2, 1.0f, 2.0f, z);
}

const char *const small_floats_classes[2] = {
    "walk",
    "d\303\251j\303\240 \042vu\042\077",
};

/* Of each layer outputs x inputs, then the biases. */
static const float small_floats_theta[17] = {
    -2.0f, -1.75f, -1.5f, -1.25f, -1.0f, -0.75f, -0.5f, -0.25f, 0.0f, 0.25f, 0.5f, 0.75f, 1.0f, 1.25f, 1.5f,
    1.75f, 2.0f,
};

static void small_floats_affine(const float *x, const float *w, const float *b, float *z, int32_t inputs, int32_t outputs)
{
    int32_t i, j;
    for (j = 0; j < outputs; ++j) {
        float sum = b[j];
        for (i = 0; i < inputs; ++i) {
            sum += w[j * inputs + i] * x[i];
        }
        z[j] = sum;
    }
}

void small_floats_predict(const float *x, float *out, float *work)
{
    int32_t j;
    small_floats_affine(x, small_floats_theta + 0, small_floats_theta + 6, (work + 3), 2, 3);
    for (j = 0; j < 1; ++j) {
        (work + 3)[j] = small_floats_type1((work + 3)[j]);
    }
    for (j = 1; j < 3; ++j) {
        (work + 3)[j] = small_floats_type2((work + 3)[j]);
    }
    small_floats_affine((work + 3), small_floats_theta + 9, small_floats_theta + 15, out, 3, 2);
}
