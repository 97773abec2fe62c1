/*
** What both fuzz targets share: one Lua state with the rule sets of rules.lua, calls of
** their methods, and what must hold of every problem and of every pair of values.
*/
#ifndef FUZZ_H
#define FUZZ_H

#include "lua_compat.h"

#include <stddef.h>
#include <stdint.h>

/* The target's one function; libFuzzer calls it, and so does replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "read" or "write": each target says which it is. */
extern const char fuzz_target[];

/* Ends the program, saying 'what' was to hold, when it does not. */
void fuzz_claim(int holds, const char *what);

/*
** The state, made at the first call, its stack empty. It runs spec/fuzz/rules.lua, so
** the working folder must be the project's root.
*/
lua_State *fuzz_state(void);

/* Which rule set a byte of the input means: 'a' is the first. */
size_t fuzz_set_of(uint8_t byte);

/* The set that takes anything. */
size_t fuzz_any(void);

/*
** Calls set:method(the 'args' values on top), which it takes off; claims that it does not
** raise. Returns how many results it left.
*/
int fuzz_call(lua_State *L, size_t set, const char *method, int args);

/* For 'body' of fuzz_claim_problem: the problem is of a table, it has no offset. */
#define FUZZ_NO_BODY ((size_t)-1)

/* Claims that the value on top is a problem as rules give it, of a body of so many bytes. */
void fuzz_claim_problem(lua_State *L, size_t body);

/*
** Are the two values the same, tables by what is in them? A whole number beyond 2^53 is
** the same as its digits or the nearest double: reading makes these of it.
*/
int fuzz_equal(lua_State *L, int a, int b);

/* Is the table at 'index' empty? */
int fuzz_is_empty(lua_State *L, int index);

#endif
