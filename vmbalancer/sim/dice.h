/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Chance without a stream: each throw is a pure function of the seed and of what it is thrown for, so
 * that what befalls one guest does not hang on how often others threw, nor on what a policy did.
 */

/** What is thrown for. */
typedef enum {
    VB_DICE_LOAD = 1, /**< how much a vCPU wants just then */
    VB_DICE_DRIFT,    /**< whether it drifts, and where to */
    VB_DICE_SPREAD,   /**< which of equal nodes or vCPUs the kernel takes */
    VB_DICE_LOOK,     /**< the error of a look */
    VB_DICE_MOVE,     /**< pages that are busy */
    VB_DICE_GENERATE, /**< worlds of a generator */
    VB_DICE_HOST,     /**< the seed of a fleet's host */
} VbDice;

/** The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static inline guint64
vb_dice_mix(guint64 x)
{
    x += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/** 64 random bits for the @what of @who at @when. */
static inline guint64
vb_dice_throw(guint64 seed, VbDice what, guint64 who, guint64 when)
{
    return vb_dice_mix(vb_dice_mix(vb_dice_mix(seed ^ ((guint64)what << 56)) ^ who) ^ when);
}

/** The same as one of 0..@limit-1; @limit > 0. */
static inline guint64
vb_dice_below(guint64 seed, VbDice what, guint64 who, guint64 when, guint64 limit)
{
    return (guint64)(((unsigned __int128)vb_dice_throw(seed, what, who, when) * limit) >> 64);
}

G_END_DECLS
