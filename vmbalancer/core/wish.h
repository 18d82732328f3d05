/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>
#include <vmbalancer/terms.h>

G_BEGIN_DECLS

/*
 * What is asked for one guest: the same words in the domain's metadata (libvirt/domain_metadata.c)
 * and in the host's files (core/config_guest.c). data/vmbalancer-domain-1.0.rng is the grammar of
 * each value in its published form; a test holds the two together.
 */

/** A thing that can be asked for, each at most once. */
typedef enum {
    VB_WISH_POLICY,
    VB_WISH_HOME,
    VB_WISH_LOCALITY_MIN,
    VB_WISH_LOCALITY_TARGET,
    VB_WISH_VCPUS,
    VB_WISH_MEMORY,
    VB_WISH_RATE,
    VB_WISH_COOLDOWN,
    VB_WISH_FIELDS,
} VbWishField;

/** How a field is written: <ELEMENT ATTRIBUTE="..."/> in metadata, KEY=... in the host's files. */
typedef struct {
    const char *element;
    const char *attribute;
    const char *key;
    const char *expected; /**< for messages: "expected ..." */
} VbWishWords;

/** Parameters that one guest may be given. */
#define VB_WISH_PARAMETERS_MAX 64

typedef struct {
    char *policy;           /**< NULL = not asked */
    char *home;             /**< a node list as written; NULL = not asked */
    VbTerms terms;
    GHashTable *parameters; /**< of @policy: name -> gint64*; never NULL */
} VbWish;

VbWish *vb_wish_new(void);
VbWish *vb_wish_copy(const VbWish *wish);
void vb_wish_free(VbWish *wish);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbWish, vb_wish_free)

/** Returns: (transfer none): the words of a field. */
const VbWishWords *vb_wish_words(VbWishField field);
/** Sets a field from its text. Returns: FALSE if that is not what is expected; nothing is set. */
gboolean vb_wish_set(VbWish *wish, VbWishField field, const char *text);
/** Returns: (transfer full): the field as it is written, NULL if it is not asked. */
char *vb_wish_text(const VbWish *wish, VbWishField field);
/** What vb_wish_set_parameter() takes. */
#define VB_WISH_NAME_EXPECTED "a parameter's name, up to 64 of a-z, 0-9 and \"-\""
#define VB_WISH_VALUE_EXPECTED "a whole number of at most 18 digits"
gboolean vb_wish_is_parameter_name(const char *name);
/** Sets a parameter, in place of one of that name. Returns: FALSE if @value is no number. */
gboolean vb_wish_set_parameter(VbWish *wish, const char *name, const char *value);
/** Returns: (transfer container): the parameters' names, sorted. */
GList *vb_wish_parameter_names(const VbWish *wish);

/**
 * Lays what @over asks over @wish. Another policy than @wish's own takes that one's parameters away.
 */
void vb_wish_overlay(VbWish *wish, const VbWish *over);

/**
 * Checks what no grammar can: that the locality's minimum is not above its target, that parameters
 * have a policy, and that each is one that the policy declares, in its range. A policy that
 * @policies lacks is no error here, its parameters are not looked at.
 * @policies: ends with NULL
 * Errors: VB_ERROR_INVALID naming the parameter, its value and the range.
 */
gboolean vb_wish_check(const VbWish *wish, const VbPolicy *const *policies, GError **error);

G_END_DECLS
