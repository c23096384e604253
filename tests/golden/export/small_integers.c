/*
 * a test
 * nothing was measured * / here
 * Same bits as the host: compile without -ffast-math, and with -ffp-contract=off where that is not the default.
 */
#include "small_integers.h"

/* Mean and factor of every input. */
static const float small_integers_pairs_of_inputs[4] = {
    0.5f, 2.0f, -1.0f, 0.25f,
};

void small_integers_standardise(const float *x, float *to)
{
    int32_t i;
    for (i = 0; i < 2; ++i) {
        to[i] = (x[i] - small_integers_pairs_of_inputs[2 * i]) * small_integers_pairs_of_inputs[2 * i + 1];
    }
}

static const int8_t small_integers_weights[12] = {
    -60, -49, -38, -27, -16, -5, 6, 17, 28, 39, 50, 61,
};

static const int32_t small_integers_biases[5] = {
    100, -200, 3000, 4, -5,
};

static const int32_t small_integers_factors[5] = {
    268435456, 536870912, 1073741824, 77, 134217728,
};

static const int8_t small_integers_table1[256] = {
    -128, -127, -126, -125, -124, -123, -122, -121, -120, -119, -118, -117, -116, -115, -114, -113, -112,
    -111, -110, -109, -108, -107, -106, -105, -104, -103, -102, -101, -100, -99, -98, -97, -96, -95, -94, -93,
    -92, -91, -90, -89, -88, -87, -86, -85, -84, -83, -82, -81, -80, -79, -78, -77, -76, -75, -74, -73, -72,
    -71, -70, -69, -68, -67, -66, -65, -64, -63, -62, -61, -60, -59, -58, -57, -56, -55, -54, -53, -52, -51,
    -50, -49, -48, -47, -46, -45, -44, -43, -42, -41, -40, -39, -38, -37, -36, -35, -34, -33, -32, -31, -30,
    -29, -28, -27, -26, -25, -24, -23, -22, -21, -20, -19, -18, -17, -16, -15, -14, -13, -12, -11, -10, -9,
    -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46,
    47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72,
    73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98,
    99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119,
    120, 121, 122, 123, 124, 125, 126, 127,
};

static const int8_t small_integers_table2[256] = {
    127, 126, 125, 124, 123, 122, 121, 120, 119, 118, 117, 116, 115, 114, 113, 112, 111, 110, 109, 108, 107,
    106, 105, 104, 103, 102, 101, 100, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89, 88, 87, 86, 85, 84, 83, 82,
    81, 80, 79, 78, 77, 76, 75, 74, 73, 72, 71, 70, 69, 68, 67, 66, 65, 64, 63, 62, 61, 60, 59, 58, 57, 56,
    55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30,
    29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
    0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16, -17, -18, -19, -20, -21, -22,
    -23, -24, -25, -26, -27, -28, -29, -30, -31, -32, -33, -34, -35, -36, -37, -38, -39, -40, -41, -42, -43,
    -44, -45, -46, -47, -48, -49, -50, -51, -52, -53, -54, -55, -56, -57, -58, -59, -60, -61, -62, -63, -64,
    -65, -66, -67, -68, -69, -70, -71, -72, -73, -74, -75, -76, -77, -78, -79, -80, -81, -82, -83, -84, -85,
    -86, -87, -88, -89, -90, -91, -92, -93, -94, -95, -96, -97, -98, -99, -100, -101, -102, -103, -104, -105,
    -106, -107, -108, -109, -110, -111, -112, -113, -114, -115, -116, -117, -118, -119, -120, -121, -122,
    -123, -124, -125, -126, -127, -128,
};

static int32_t small_integers_sum(const int8_t *x, const int8_t *w, int32_t sum, int32_t inputs)
{
    int32_t i;
    for (i = 0; i < inputs; ++i) {
        sum += (int32_t)w[i] * (int32_t)x[i];
    }
    return sum;
}

static int32_t small_integers_scaled(int32_t sum, int32_t factor, int32_t shift, int32_t limit)
{
    const int64_t v = (int64_t)sum * (int64_t)factor + ((int64_t)1 << (shift - 1));
    const int64_t z = v >= 0 ? v >> shift : ~(~v >> shift);
    return z > limit ? limit : z < -1 - limit ? -1 - limit : (int32_t)z;
}

void small_integers_quantise(const float *x, int8_t *q)
{
    int32_t i;
    for (i = 0; i < 2; ++i) {
        const float position = x[i] * 20.0f + 131.5f;
        const int32_t u = !(position > 0.0f) ? 0 : position >= 255.0f ? 255 : (int32_t)position;
        q[i] = (int8_t)(u - 128);
    }
}

void small_integers_predict(const int8_t *x, int16_t *out, int8_t *work)
{
    int32_t j;
    for (j = 0; j < 3; ++j) {
        const int32_t sum = small_integers_sum(x, small_integers_weights + 0 + j * 2, small_integers_biases[0 + j], 2);
        (work + 3)[j] = (int8_t)small_integers_scaled(sum, small_integers_factors[0 + j], 36, 127);
    }
    for (j = 0; j < 1; ++j) {
        (work + 3)[j] = small_integers_table1[(work + 3)[j] + 128];
    }
    for (j = 1; j < 3; ++j) {
        (work + 3)[j] = small_integers_table2[(work + 3)[j] + 128];
    }
    for (j = 0; j < 2; ++j) {
        const int32_t sum = small_integers_sum((work + 3), small_integers_weights + 6 + j * 3, small_integers_biases[3 + j], 3);
        out[j] = (int16_t)small_integers_scaled(sum, small_integers_factors[3 + j], 30, 32767);
    }
}

#ifdef __FAST_MATH__
#error "compile without -ffast-math: it takes NaN and infinity for impossible, and changes bits"
#endif

static int small_integers_is_finite(float x)
{
    return x - x == 0.0f;
}

/* Standard deviation and mean of every value. */
static const float small_integers_pairs_of_outputs[4] = {
    2.0f, 5.0f, 0.5f, -1.0f,
};

static int small_integers_answer(float *y)
{
    int32_t i;
    for (i = 0; i < 2; ++i) {
        y[i] = y[i] * small_integers_pairs_of_outputs[2 * i] + small_integers_pairs_of_outputs[2 * i + 1];
        if (!small_integers_is_finite(y[i])) {
            return -1;
        }
    }
    return 0;
}

int small_integers_run(const float raw[SMALL_INTEGERS_INPUTS], float out[SMALL_INTEGERS_OUTPUTS])
{
    float x[SMALL_INTEGERS_INPUTS];
    float y[SMALL_INTEGERS_OUTPUTS];
    int8_t work[SMALL_INTEGERS_WORK];
    int8_t q[SMALL_INTEGERS_INPUTS];
    int16_t integers[SMALL_INTEGERS_OUTPUTS];
    int32_t i;
    int answer;
    small_integers_standardise(raw, x);
    for (i = 0; i < SMALL_INTEGERS_INPUTS; ++i) {
        if (!small_integers_is_finite(x[i])) {
            return -1;
        }
    }
    small_integers_quantise(x, q);
    small_integers_predict(q, integers, work);
    for (i = 0; i < SMALL_INTEGERS_OUTPUTS; ++i) {
        y[i] = (float)integers[i] * SMALL_INTEGERS_OUTPUT_STEP;
    }
    answer = small_integers_answer(y);
    if (answer < 0) {
        return answer;
    }
    for (i = 0; i < SMALL_INTEGERS_OUTPUTS; ++i) {
        out[i] = y[i];
    }
    return answer;
}
