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

