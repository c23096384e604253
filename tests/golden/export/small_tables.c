/*
 * a test
 * nothing was measured * / here
 * Same bits as the host: compile without -ffast-math, and with -ffp-contract=off where that is not the default.
 */
#include "small_tables.h"

/* The cell of a position, held between the first and the last. */
static int32_t small_tables_cell(float position, int32_t last)
{
    if (!(position > 0.0f)) {
        return 0;
    }
    return position >= (float)last ? last : (int32_t)position;
}

static float small_tables_hermite(const float *entries, int32_t count, float per, float offset, float z)
{
    const float further = (z * per + offset) + 1.0f;
    const float *cell = entries;
    float t = 0.0f, beyond = 0.0f, rise, c2, c3, y;
    if (further >= 1.0f && further < (float)count) {
        const int32_t i = (int32_t)further;
        cell = entries + 2 * (i - 1);
        t = further - (float)i;
    } else if (further < 1.0f) {
        beyond = further - 1.0f;
    } else {
        cell = entries + 2 * (count - 2);
        t = 1.0f;
        beyond = further - (float)count;
    }
    rise = cell[2] - cell[0];
    c3 = (cell[1] + cell[3]) - (rise + rise);
    c2 = (rise - cell[1]) - c3;
    y = cell[0] + t * (cell[1] + t * (c2 + t * c3));
    if (further >= 1.0f && further < (float)count) {
        return y;
    }
    return y + beyond * (cell[1] + t * ((c2 + c2) + t * (c3 + c3 + c3)));
}

static float small_tables_linear(const float *entries, int32_t last, float per, float offset, float z)
{
    const float position = z * per + offset;
    const int32_t i = small_tables_cell(position, last);
    const float rise = entries[i + 1] - entries[i];
    return entries[i] + (position - (float)i) * rise;
}

static float small_tables_pairs(const float *entries, int32_t last, float per, float offset, float z)
{
    const int32_t i = small_tables_cell(z * per + offset, last);
    return entries[2 * i] + entries[2 * i + 1] * z;
}

static int32_t small_tables_integer(const int16_t *entries, int32_t shift, float per, float offset, float z)
{
    const float position = z * per + offset;
    const int32_t u = !(position > 0.0f) ? 0 : position >= 65535.0f ? 65535 : (int32_t)position;
    const int32_t i = u >> shift;
    const int32_t rise = (int32_t)entries[i + 1] - (int32_t)entries[i];
    const int32_t v = (u & ((1 << shift) - 1)) * rise + (1 << (shift - 1));
    return (int32_t)entries[i] + (v >= 0 ? v >> shift : ~(~v >> shift));
}

static int32_t small_tables_direct(const int8_t *entries, float per, float offset, float z)
{
    const float position = z * per + offset;
    return (int32_t)entries[!(position > 0.0f) ? 0 : position >= 255.0f ? 255 : (int32_t)position];
}

/* hermite, 3 knots on [-1, 2], plus relu */
static const float small_tables_table1[6] = {
    -0.3f, -0.17500001f, -0.050000012f, 0.07499999f, 0.19999999f, 0.325f,
};

float small_tables_type1(float z)
{
    return small_tables_hermite(small_tables_table1, 3, 0.6666667f, 0.6666667f, z) + (z > 0.0f ? z : 0.0f);
}

/* linear, 5 knots on [0, 2], odd: the right half */
static const float small_tables_table2[5] = {
    -0.3f, -0.17500001f, -0.050000012f, 0.07499999f, 0.19999999f,
};

float small_tables_type2(float z)
{
    const float y = small_tables_linear(small_tables_table2, 3, 2.0f, -0.0f, z <= 0.0f ? 0.0f - z : z);
    return z < 0.0f ? -y : y;
}

/* pairs, 3 knots on [0, 1.5], even: the right half */
static const float small_tables_table3[4] = {
    -0.3f, -0.17500001f, -0.050000012f, 0.07499999f,
};

float small_tables_type3(float z)
{
    return small_tables_pairs(small_tables_table3, 1, 1.3333334f, -0.0f, z <= 0.0f ? 0.0f - z : z);
}

/* i16, 5 entries on [-32.773003, 32.762] */
static const int16_t small_tables_table4[5] = {
    -32768, 0, 5, 32767, 9,
};

float small_tables_type4(float z)
{
    const int32_t y = small_tables_integer(small_tables_table4, 14, 999.99994f, 32773.5f, z);
    return (float)(y - (-7)) * 0.002f;
}

float small_tables_type5(float z)
{
    return z > 0.0f ? z : 0.0f;
}

/* i8, 256 entries on [-3.72, 3.9299998] */
static const int8_t small_tables_table6[256] = {
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

float small_tables_type6(float z)
{
    const int32_t y = small_tables_direct(small_tables_table6, 33.333336f, 124.5f, z);
    return (float)(y - (7)) * 0.01f;
}

