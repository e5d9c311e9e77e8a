// A carrier on node-smpp for test_smpp_node_server.py: answers binds and submits, sends a receipt and an echo.
const smpp = require('smpp');
let count = 0;
const server = smpp.createServer((session) => {
  const bind = (pdu) => {
    const right = pdu.password === 'secret';
    session.send(pdu.response({ command_status: right ? 0 : smpp.ESME_RINVPASWD, system_id: 'node-smpp' }));
    if (!right) session.close();
  };
  session.on('bind_transceiver', bind);
  session.on('bind_transmitter', bind);
  session.on('bind_receiver', bind);
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('error', () => {});
  session.on('submit_sm', (pdu) => {
    const id = (++count).toString(16);
    session.send(pdu.response({ message_id: id }));
    const message = pdu.short_message.message;
    console.log(JSON.stringify({ to: pdu.destination_addr, text: message, udh: pdu.short_message.udh || null }));
    session.deliver_sm({
      source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4,
      short_message: `id:${count} sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD err:000 text:`,
      receipted_message_id: id, message_state: 2,
    });
    session.deliver_sm({
      source_addr: pdu.destination_addr, source_addr_ton: 1, destination_addr: pdu.source_addr,
      short_message: typeof message === 'string' ? `echo ${message}` : 'echo',
    }, (answer) => console.log(JSON.stringify({ acknowledged: answer.command_status })));
  });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on('end', () => process.exit(0)).resume();
