// SPDX-License-Identifier: Apache-2.0
#include "engine/personality.h"

#include "base/buf.h"

enum { PROMPT_MOST = 64 << 10 };

// A value strictly beyond the bound (above a positive one, below a negative one) earns the sentence; of several rows of
// one value the first that applies. %s is the name.
struct rule {
    double bound;
    const char *sentence;
};

static const struct rule formality[] = {{-0.3, "Keep the tone relaxed and conversational."},
                                        {0.3, "Write in a formal, businesslike register."}};
static const struct rule complexity[] = {{-0.3, "Prefer plain words and short sentences."},
                                         {0.3, "Use precise, advanced vocabulary and fine distinctions."}};
static const struct rule verbosity[] = {{-0.3, "Answer briefly and leave out what was not asked."},
                                        {0.3, "Explain fully, with background and examples."}};
static const struct rule humor[] = {{0.7, "Joke often, as long as it suits the subject."},
                                    {0.3, "A light joke now and then is welcome."}};
static const struct rule empathy[] = {{0.7, "Acknowledge the user's feelings first, then help."},
                                      {0.3, "Show understanding where it is called for."}};
static const struct rule creativity[] = {{0.7, "Offer original ideas and unexpected angles."},
                                         {0.3, "Mix fresh ideas with facts, and never trade facts for ideas."}};
static const struct rule trait[] = {
    {0.7, "Be very %s."}, {0.3, "Be %s."}, {-0.7, "Never be %s."}, {-0.3, "Do not be %s."}};
static const struct rule tone[] = {{0.7, "Let a clearly %s tone carry the answer."}, {0.3, "Keep a %s undertone."}};

struct section {
    struct buf *out;
    const char *heading;
    bool begun;
};

static void bullet(struct section *section, const struct rule *rules, size_t n, double value, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        bool passes = rules[i].bound > 0 ? value > rules[i].bound : value < rules[i].bound;
        if (!passes)
            continue;
        if (!section->begun)
            buf_addf(section->out, "\n\n%s:", section->heading);
        section->begun = true;
        const char *sentence = rules[i].sentence, *at = strstr(sentence, "%s");
        if (at)
            buf_addf(section->out, "\n- %.*s" STR_FMT "%s", (int)(at - sentence), sentence, STR_ARG(name), at + 2);
        else
            buf_addf(section->out, "\n- %s", sentence);
        return;
    }
}
#define BULLET(section, rules, value, name) bullet(section, rules, sizeof(rules) / sizeof *(rules), value, name)

struct str personality_prompt(struct arena *arena, const struct personality *p)
{
    AUTO_BUF struct buf out = BUF_INIT(PROMPT_MOST);
    const struct trait *traits = p->traits.at;
    const struct tone *tones = p->tones.at;
    buf_addf(&out, "Personality: " STR_FMT, STR_ARG(p->name));
    struct section style = {&out, "Language style", false};
    BULLET(&style, formality, p->language_style.formality, STR_NULL);
    BULLET(&style, complexity, p->language_style.complexity, STR_NULL);
    BULLET(&style, verbosity, p->language_style.verbosity, STR_NULL);
    struct section manner = {&out, "Response characteristics", false};
    BULLET(&manner, humor, p->response_characteristics.humor, STR_NULL);
    BULLET(&manner, empathy, p->response_characteristics.empathy, STR_NULL);
    BULLET(&manner, creativity, p->response_characteristics.creativity, STR_NULL);
    struct section character = {&out, "Character traits", false};
    for (size_t i = 0; i < p->traits.n; i++)
        BULLET(&character, trait, traits[i].value, traits[i].name);
    struct section voice = {&out, "Tone of voice", false};
    for (size_t i = 0; i < p->tones.n; i++)
        BULLET(&voice, tone, tones[i].strength, tones[i].name);
    if (p->custom_instructions.n)
        buf_addf(&out, "\n\nFurther instructions:\n" STR_FMT, STR_ARG(p->custom_instructions));
    return arena_str(arena, buf_str(&out));
}

void personality_default(struct arena *arena, struct str name, struct personality *ret)
{
    struct trait *traits = arena_calloc(arena, 2, sizeof *traits);
    struct tone *tones = arena_calloc(arena, 2, sizeof *tones);
    traits[0] = (struct trait){7, STR("friendly"), 0.5, STR("")};
    traits[1] = (struct trait){7, STR("professional"), 0.5, STR("")};
    tones[0] = (struct tone){7, STR("helpful"), 0.7, STR("")};
    tones[1] = (struct tone){7, STR("respectful"), 0.6, STR("")};
    *ret = (struct personality){.name = name, .traits = {traits, 2}, .tones = {tones, 2}, .is_default = true};
    model_mark(&personality_model, ret, "name", true);
    model_mark(&personality_model, ret, "traits", true);
    model_mark(&personality_model, ret, "tones", true);
    model_mark(&personality_model, ret, "isDefault", true);
    model_defaults(&personality_model, arena, ret);
}
