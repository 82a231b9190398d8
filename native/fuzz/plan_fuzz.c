/*
 * libFuzzer target of the plan parser: whatever it accepts must be readable argument by argument.
 *   clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Inative native/fuzz/plan_fuzz.c native/plan.c -o /tmp/plan_fuzz
 *   /tmp/plan_fuzz -max_total_time=60
 */
#include "ops.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct op ops[PLAN_OPS_MAX];
	struct plan plan = { .ops = ops };
	/* A copy of its exact size: a byte too far is a report. */
	uint8_t *bytes = malloc(size ? size : 1);
	volatile uint64_t sum = 0;

	if (size)
		memcpy(bytes, data, size);
	if (plan_parse(bytes, size, &plan) == 0)
		for (uint32_t i = 0; i < plan.count; i++) {
			const char *signature = op_signatures[ops[i].code];
			for (unsigned argument = 0; signature[argument]; argument++) {
				size_t length;
				const uint8_t *blob = op_blob(&ops[i], argument, &length);
				if (signature[argument] == 'u')
					sum += op_number(&ops[i], argument);
				if (signature[argument] == 's')
					sum += strlen(op_string(&ops[i], argument));
				if (signature[argument] == 'l') {
					char **list = op_list(&ops[i], argument);
					for (char **word = list; word && *word; word++)
						sum += strlen(*word);
					free(list);
				}
				if (length > 0)
					sum += blob[length - 1];
			}
		}
	free(bytes);
	return 0;
}
