// A client on node-smpp for test_server.py: does what each line of JSON on stdin says, and prints what comes.
const smpp = require('smpp');
const readline = require('readline');
const [port, user, password] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` }, () => {
  session.bind_transceiver({ system_id: user, password }, (answer) => {
    say({ bound: answer.command_status, system_id: answer.system_id });
  });
});
session.on('error', (error) => say({ error: error.message }));
session.on('close', () => process.exit(0));
session.on('deliver_sm', (pdu) => {
  session.send(pdu.response());
  say({ deliver_sm: pdu.short_message.message, esm_class: pdu.esm_class, from: pdu.source_addr, to: pdu.destination_addr });
});
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { command, octets, ...fields } = JSON.parse(line);
  if (octets) fields.short_message = Buffer.from(octets, 'hex');
  session[command](fields, (answer) => {
    const { command_status, message_id, message_state, final_date } = answer;
    say({ [command]: command_status, message_id, message_state, final_date });
    if (command === 'unbind') session.close();
  });
});
