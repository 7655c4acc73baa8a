/** A worker that trains nothing: it says its process number, and what it comes to is the name of the run's directory. */
process.on('disconnect', () => process.exit(1));
process.on('message', (order) => {
  if (order === 'rest') return process.send({ kind: 'resting' });
  process.stderr.write(`\n[${order.leaseId}]\n`);
  process.send({ kind: 'note', message: `${process.pid}` });
  if (order.directoryName === 'complain') {
    process.stderr.write('a complaint', () => process.exit(7));
  } else if (order.directoryName === 'rest') {
    process.stderr.write('words of a run that rests', () => process.send({ kind: 'resting' }));
  } else if (order.directoryName === 'fail') {
    process.send({ kind: 'failed', code: 'unknown', message: 'no' }, () => process.exit(0));
  }
});
