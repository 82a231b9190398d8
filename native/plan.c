/* The plan's bytes, checked as a whole before anything is executed (CVE-2021-43784 was an unchecked length). Fuzzed: fuzz/plan_fuzz.c. */
#include "ops.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define X(name, signature) #name,
const char *const op_names[OP_COUNT] = { OPERATIONS(X) };
#undef X

#define X(name, signature) "s" signature,
const char *const op_signatures[OP_COUNT] = { OPERATIONS(X) };
#undef X

struct cursor {
	const uint8_t *at;
	size_t left;
};

static const uint8_t *take(struct cursor *cursor, size_t size)
{
	const uint8_t *at = cursor->at;

	if (size > cursor->left)
		return NULL;
	cursor->at += size;
	cursor->left -= size;
	return at;
}

static uint32_t read_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return le32toh(value);
}

static bool argument_ok(char kind, const uint8_t *bytes, size_t size)
{
	switch (kind) {
	case 'u':
		return size == 8;
	case 's':
		return size > 0 && memchr(bytes, 0, size) == bytes + size - 1;
	case 'l':
		return size == 0 || bytes[size - 1] == 0;
	default:
		return true;
	}
}

static int parse_op(struct cursor *cursor, struct op *op)
{
	const uint8_t *head = take(cursor, 4);

	if (!head || head[0] >= OP_COUNT || head[1] > BOTH || head[3] != 0 || (head[1] == BOTH) != (head[0] == OP_meet))
		return -EINVAL;
	const char *signature = op_signatures[head[0]];
	if (head[2] != strlen(signature))
		return -EINVAL;
	*op = (struct op){ .code = head[0], .actor = head[1], .arguments = cursor->at };
	for (; *signature; signature++) {
		const uint8_t *length = take(cursor, 4);
		if (!length)
			return -EINVAL;
		const uint8_t *bytes = take(cursor, read_u32(length));
		if (!bytes || !argument_ok(*signature, bytes, read_u32(length)))
			return -EINVAL;
	}
	return 0;
}

int plan_parse(const uint8_t *bytes, size_t size, struct plan *plan)
{
	struct cursor cursor = { bytes, size };
	const uint8_t *head = size > PLAN_BYTES_MAX ? NULL : take(&cursor, 12);

	if (!head || memcmp(head, "SKPL\1\0", 6) != 0 || head[6] > 1 || head[7] != 0)
		return -EINVAL;
	plan->trace = head[6] & 1;
	plan->count = read_u32(head + 8);
	if (plan->count > PLAN_OPS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < plan->count; i++)
		if (parse_op(&cursor, &plan->ops[i]) < 0)
			return -EINVAL;
	return cursor.left == 0 ? 0 : -EINVAL;
}

const uint8_t *op_blob(const struct op *op, unsigned index, size_t *size)
{
	const uint8_t *at = op->arguments;

	for (; index > 0; index--)
		at += 4 + read_u32(at);
	*size = read_u32(at);
	return at + 4;
}

const char *op_string(const struct op *op, unsigned index)
{
	size_t size;

	return (const char *)op_blob(op, index, &size);
}

uint64_t op_number(const struct op *op, unsigned index)
{
	uint64_t value;
	size_t size;

	memcpy(&value, op_blob(op, index, &size), sizeof value);
	return le64toh(value);
}

char **op_list(const struct op *op, unsigned index)
{
	size_t size, count = 0;
	char *at = (char *)op_blob(op, index, &size), *end = at + size;

	for (char *word = at; word < end; word++)
		count += *word == 0;
	char **list = calloc(count + 2, sizeof *list); /* one more: HOME */
	for (count = 0; list && at < end; at += strlen(at) + 1)
		list[count++] = at;
	return list;
}
