/** Chat templates of our own making, with what the families of models do differently. */

/** Llama 3: every turn in headers, the start token by the template. */
export const headers = `{{- bos_token }}
{%- for message in messages %}
    {{- '<|header|>' + message['role'] + '<|/header|>\\n\\n' + message['content'] | trim + '<|turn|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|header|>assistant<|/header|>\\n\\n' }}
{%- endif %}`;

/** ChatML, of Qwen and SmolLM2: a system message where none is given, a line break behind each turn, tools. */
export const chatMl = `{%- if tools %}
    {{- '<|im_start|>system\\nTools:' }}
    {%- for tool in tools %}{{ ' ' ~ (tool | tojson) }}{% endfor %}
    {{- '<|im_end|>\\n' }}
{%- elif messages[0].role != 'system' %}
    {{- '<|im_start|>system\\nBe brief.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>' ~ '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}`;

/** Gemma: the assistant is called "model", there is no system role, turns have to alternate. */
export const gemma = `{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('There is no system role') }}{% endif %}
{%- for message in messages -%}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
{{ raise_exception('User and assistant have to alternate') }}
{%- endif -%}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
{{ '<turn>' + role + '\\n' + message['content'] | trim + '</turn>\\n' }}
{%- endfor -%}
{% if add_generation_prompt %}{{ '<turn>model\\n' }}{% endif %}`;

/** Mistral: instructions in brackets, the system message within the first of them, an end token behind each answer. */
export const instructions = `{%- if messages[0].role == 'system' %}
    {%- set ns = namespace(system=messages[0].content) %}
    {%- set turns = messages[1:] %}
{%- else %}
    {%- set ns = namespace(system='') %}
    {%- set turns = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in turns %}
    {%- if message.role == 'user' %}
        {{- '[INST] ' + (ns.system + '\\n\\n' if loop.first and ns.system else '') + message.content + '[/INST]' }}
    {%- elif message.role == 'assistant' %}
        {{- ' ' + message.content + eos_token }}
    {%- endif %}
{%- endfor %}`;

/** Leaves out what earlier answers thought: the whole does not begin as its parts do. */
export const forgetful = `{%- for message in messages %}
    {%- set said = message.content if loop.last else message.content.split('</think>')[-1] %}
    {{- '<|im_start|>' + message.role + '\\n' + said + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;
