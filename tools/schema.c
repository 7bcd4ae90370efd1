/* schema.c - what rows have to look like for load to take them */
#include "schema.h"

#include <string.h>

#include "report.h"
#include "source.h"

static const char *const types[] = {"bytes",   "text",   "json",   "object",
                                    "array",   "string", "number", "integer",
                                    "boolean", "null"};

/* ---- the rules themselves */

static bool is_type(const json_t *value)
{
  const char *name = json_string_value(value);
  for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
    if (strcmp(name, types[i]) == 0)
      return true;
  return false;
}

static bool check_rules(const json_t *rules, struct text *why);

static bool check_fields(const json_t *fields, struct text *why)
{
  const char *name;
  json_t *rules;
  if (!json_is_object(fields)) {
    text_add_string(why, "fields is no object");
    return false;
  }
  json_object_foreach((json_t *)(uintptr_t)fields, name, rules)
  {
    if (!check_rules(rules, why))
      return false;
  }
  return true;
}

static bool check_rule(const char *name, const json_t *rule, struct text *why)
{
  if (strcmp(name, "fields") == 0)
    return check_fields(rule, why);
  const bool is_len =
      strcmp(name, "min_len") == 0 || strcmp(name, "max_len") == 0;
  const bool is_choice =
      strcmp(name, "required") == 0 || strcmp(name, "other_fields") == 0;
  if ((is_len && json_is_integer(rule) && json_integer_value(rule) >= 0) ||
      (is_choice && json_is_boolean(rule)) ||
      (strcmp(name, "type") == 0 && is_type(rule)))
    return true;
  text_addf(why, "\"%.60s\" is not a rule, or not with this value", name);
  return false;
}

static bool check_rules(const json_t *rules, struct text *why)
{
  const char *name;
  json_t *rule;
  if (!json_is_object(rules)) {
    text_add_string(why, "rules are an object");
    return false;
  }
  json_object_foreach((json_t *)(uintptr_t)rules, name, rule)
  {
    if (!check_rule(name, rule, why))
      return false;
  }
  return true;
}

static bool check_schema(const json_t *schema, struct text *why)
{
  const char *name;
  json_t *rules;
  json_object_foreach((json_t *)(uintptr_t)schema, name, rules)
  {
    if (strcmp(name, "key") != 0 && strcmp(name, "value") != 0 &&
        strcmp(name, "timestamp") != 0) {
      text_addf(why, "\"%.60s\" is not key, value or timestamp", name);
      return false;
    }
    if (!check_rules(rules, why))
      return false;
  }
  return true;
}

int schema_open(struct schema *schema, const struct args *args,
                const char *path)
{
  struct text text = {0}, why = {0};
  json_error_t error;
  *schema = (struct schema){NULL};
  if (!path)
    return EXIT_DONE;
  int code = source_read(args, path, &text);
  if (code == EXIT_DONE) {
    schema->rules = json_loadb(text.data ? text.data : "", text.len,
                               JSON_REJECT_DUPLICATES, &error);
    if (!schema->rules)
      code = report_error(args, EXIT_USAGE, "schema", path,
                          "is not JSON (line %d: %s)", error.line, error.text);
    else if (!json_is_object(schema->rules))
      code = report_error(args, EXIT_USAGE, "schema", path, "is no object");
    else if (!check_schema(schema->rules, &why))
      code = report_error(args, EXIT_USAGE, "schema", path, "%s", why.data);
  }
  text_release(&text);
  text_release(&why);
  if (code != EXIT_DONE)
    schema_close(schema);
  return code;
}

void schema_close(struct schema *schema)
{
  json_decref(schema->rules);
  schema->rules = NULL;
}

/* ---- rows */

static bool is_of_type(const json_t *value, const char *type)
{
  switch (type[0]) {
  case 'o':
    return json_is_object(value);
  case 'a':
    return json_is_array(value);
  case 's':
  case 't':
    return json_is_string(value);
  case 'i':
    return json_is_integer(value);
  case 'j':
    return true;
  case 'b':
    return strcmp(type, "bytes") == 0 ? json_is_string(value)
                                      : json_is_boolean(value);
  default:
    return strcmp(type, "null") == 0 ? json_is_null(value)
                                     : json_is_number(value);
  }
}

static bool len_fits(const json_t *rules, size_t len, const char *what,
                     struct text *why)
{
  const json_t *least = json_object_get(rules, "min_len");
  const json_t *most = json_object_get(rules, "max_len");
  const char *wrong = NULL;
  if (least && len < (size_t)json_integer_value(least))
    wrong = "below";
  else if (most && len > (size_t)json_integer_value(most))
    wrong = "above";
  if (wrong)
    text_addf(why, "%s has the length %zu, %s the limit", what, len, wrong);
  return !wrong;
}

static size_t len_of(const json_t *value)
{
  if (json_is_array(value))
    return json_array_size(value);
  return json_is_object(value) ? json_object_size(value)
                               : json_string_length(value);
}

static bool fields_fit(const json_t *rules, const json_t *object,
                       struct text *why);

/* `what` is the name that messages give it. */
static bool json_fits(const json_t *rules, const json_t *value,
                      const char *what, struct text *why)
{
  const char *type = json_string_value(json_object_get(rules, "type"));
  if (type && !is_of_type(value, type)) {
    text_addf(why, "%s is not of the type %s", what, type);
    return false;
  }
  const bool has_len =
      json_is_string(value) || json_is_array(value) || json_is_object(value);
  if (has_len && !len_fits(rules, len_of(value), what, why))
    return false;
  return !json_object_get(rules, "fields") || fields_fit(rules, value, why);
}

static bool fields_fit(const json_t *rules, const json_t *object,
                       struct text *why)
{
  json_t *fields = json_object_get(rules, "fields");
  const char *name;
  json_t *field, *value;
  if (!json_is_object(object)) {
    text_add_string(why, "the value has no fields");
    return false;
  }
  json_object_foreach(fields, name, field)
  {
    value = json_object_get(object, name);
    if (value && !json_fits(field, value, name, why))
      return false;
    if (!value && json_is_true(json_object_get(field, "required"))) {
      text_addf(why, "the field %.60s is missing", name);
      return false;
    }
  }
  if (!json_is_false(json_object_get(rules, "other_fields")))
    return true;
  json_object_foreach((json_t *)(uintptr_t)object, name, value)
  {
    if (!json_object_get(fields, name)) {
      text_addf(why, "the field %.60s is not one of the schema", name);
      return false;
    }
  }
  return true;
}

static bool is_json_type(const char *type)
{
  return strcmp(type, "bytes") != 0 && strcmp(type, "text") != 0;
}

/* Keys and values are bytes first; rules about JSON need them parsed. */
static bool bytes_fit(const json_t *rules, const struct text *bytes,
                      const char *what, struct text *why)
{
  const char *type = json_string_value(json_object_get(rules, "type"));
  if (!len_fits(rules, bytes->len, what, why))
    return false;
  if (type && strcmp(type, "text") == 0 &&
      !utf8_valid(bytes->data, bytes->len)) {
    text_addf(why, "%s is not UTF-8", what);
    return false;
  }
  if ((!type || !is_json_type(type)) && !json_object_get(rules, "fields"))
    return true;
  json_t *value = json_loadb(bytes->len ? bytes->data : "", bytes->len,
                             JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  if (!value)
    value = json_loadb(
        bytes->len ? bytes->data : "", bytes->len,
        JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
  if (!value) {
    text_addf(why, "%s is not JSON", what);
    return false;
  }
  bool fits = true;
  if (type && !is_of_type(value, type)) {
    text_addf(why, "%s is not of the type %s", what, type);
    fits = false;
  }
  if (fits && json_object_get(rules, "fields"))
    fits = fields_fit(rules, value, why);
  json_decref(value);
  return fits;
}

bool schema_accepts(const struct schema *schema, const struct row *row,
                    struct text *why)
{
  text_clear(why);
  if (!schema->rules)
    return true;
  const json_t *timestamp = json_object_get(schema->rules, "timestamp");
  if (row->timestamp == NOT_GIVEN &&
      json_is_true(json_object_get(timestamp, "required"))) {
    text_add_string(why, "the timestamp is missing");
    return false;
  }
  const json_t *key = json_object_get(schema->rules, "key");
  const json_t *value = json_object_get(schema->rules, "value");
  return (!key || bytes_fit(key, &row->key, "the key", why)) &&
         (!value || bytes_fit(value, &row->value, "the value", why));
}
