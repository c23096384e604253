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

#ifdef __FAST_MATH__
#error "compile without -ffast-math: it takes NaN and infinity for impossible, and changes bits"
#endif

static int small_floats_is_finite(float x)
{
    return x - x == 0.0f;
}

/* 2^k for a whole k within -126 and 127. */
static float small_floats_power_of_two(float k)
{
    union {
        uint32_t bits;
        float value;
    } u;
    u.bits = (uint32_t)((int32_t)k + 127) << 23;
    return u.value;
}

/* exp(x) = 2^k exp(r) with a polynomial for exp(r); the bits of ldnn_core::Real::exp. */
static float small_floats_exp(float x)
{
    const float round = 12582912.0f;
    float near = x > 89.0f ? 89.0f : x;
    float k, r, p, half;
    near = near < -104.0f ? -104.0f : near;
    k = (near * 1.442695f + round) - round;
    r = (near - k * 0.6933594f) - k * -0.00021219444f;
    p = 0.49999994f + r * (0.1666652f + r * (0.041668393f + r * (0.008368781f + r * 0.0013814467f)));
    half = (k * 0.5f + round) - round;
    return ((1.0f + (r + r * r * p)) * small_floats_power_of_two(half)) * small_floats_power_of_two(k - half);
}

/* Logits become probabilities; the class is the first of the largest. */
static int small_floats_answer(float *y)
{
    float top = y[0], sum = 0.0f;
    int32_t i, best = 0;
    for (i = 0; i < 2; ++i) {
        if (!small_floats_is_finite(y[i])) {
            return -1;
        }
        if (y[i] > top) {
            top = y[i];
            best = i;
        }
    }
    for (i = 0; i < 2; ++i) {
        y[i] = small_floats_exp(y[i] - top);
        sum += y[i];
    }
    for (i = 0; i < 2; ++i) {
        y[i] = y[i] / sum;
    }
    return (int)best;
}

int small_floats_run(const float raw[SMALL_FLOATS_INPUTS], float out[SMALL_FLOATS_OUTPUTS])
{
    float y[SMALL_FLOATS_OUTPUTS];
    float work[SMALL_FLOATS_WORK];
    int32_t i;
    int answer;
    for (i = 0; i < SMALL_FLOATS_INPUTS; ++i) {
        if (!small_floats_is_finite(raw[i])) {
            return -1;
        }
    }
    small_floats_predict(raw, y, work);
    answer = small_floats_answer(y);
    if (answer < 0) {
        return answer;
    }
    for (i = 0; i < SMALL_FLOATS_OUTPUTS; ++i) {
        out[i] = y[i];
    }
    return answer;
}
