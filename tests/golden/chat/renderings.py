# Renders chat templates with Jinja2 (3.1.6), set up as Transformers sets it up. Reads renderings.json and writes `text` into its cases.
import json, pathlib
from jinja2.sandbox import ImmutableSandboxedEnvironment


def raise_exception(message):
    raise ValueError(message)


path = pathlib.Path(__file__).with_name('renderings.json')
data = json.loads(path.read_text())
environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=['jinja2.ext.loopcontrols'])
environment.filters['tojson'] = lambda x, **kw: json.dumps(x, ensure_ascii=False, indent=kw.get('indent'))
environment.globals['raise_exception'] = raise_exception
tokens = {f'{role}_token': f'<|plamo:{role}|>' for role in ('bos', 'eos', 'pad', 'unk')}
for case in data['cases']:
    template = environment.from_string(data['templates'][case['template']])
    try:
        case['text'] = template.render(
            messages=case['messages'], tools=case.get('tools'), documents=None,
            add_generation_prompt=case['addGenerationPrompt'], **tokens)
    except ValueError as error:
        case['error'] = str(error)
path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + '\n')
