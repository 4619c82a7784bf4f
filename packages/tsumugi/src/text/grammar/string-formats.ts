// Formats of strings that text can be held to, as regular expressions. They match less than the standards have (no leap days, no
// quoted mail addresses), and nothing that the standards do not have.
const date =
  '[12]\\d{3}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))';
const time = '([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+\\-]([01]\\d|2[0-3]):[0-5]\\d)';
const byte = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const label = '[a-z0-9]+(-[a-z0-9]+)*';

export const formats: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date}T${time}`,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  email: `[A-Za-z0-9_]+([.+\\-][A-Za-z0-9_]+)*@${label}(\\.${label})*\\.[a-z]+`,
  ipv4: `${byte}\\.${byte}\\.${byte}\\.${byte}`,
};
