/**
 * The child process's side of `lambda-process.ts`: loads a bundle and calls its handler for each event that comes by
 * IPC. Plain JavaScript, because it runs in a bare Node with no loader, as the bundle does in Lambda.
 */
import { pathToFileURL } from 'node:url';

// The owner is gone, however it went.
process.on('disconnect', () => process.exit());

const [bundlePath = '', handlerName = ''] = process.argv.slice(2);
// Loaded once: module state lives as long as the process, as in a warm execution environment.
const loading = import(pathToFileURL(bundlePath).href);
// Waited for, and thus reported, with the first event.
loading.catch(() => undefined);

process.on('message', async ({ requestId, functionName, event, deadline }) => {
  process.send?.(
    await answer(event, {
      awsRequestId: requestId,
      functionName,
      getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    }),
  );
});

/** The result as the JSON text that Lambda would hand back, or the error as Lambda describes it. */
async function answer(event, context) {
  try {
    const { [handlerName]: handler } = await loading;
    return { result: JSON.stringify(await handler(event, context)) ?? 'null' };
  } catch (error) {
    if (!(error instanceof Error))
      return { error: { errorType: typeof error, errorMessage: String(error), trace: [] } };
    const { name, message, stack = '' } = error;
    return { error: { errorType: name, errorMessage: message, trace: stack.split('\n') } };
  }
}
