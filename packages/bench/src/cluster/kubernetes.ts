/** An experiment as an Indexed Job of Kubernetes: pods over one volume, each of which takes runs that nobody has. */
import { posix } from 'node:path';
import { stringify } from 'yaml';
import type { ClusterSettings } from './settings.js';
import type { Job } from './slurm.js';

/**
 * The manifest. The volume is mounted where runs are kept, `runs` from the project; a pod that is evicted has been sent SIGTERM, has
 * saved, and is made anew.
 */
export function kubernetesJob({ name, command }: Job, runs: string, settings: ClusterSettings): string {
  const { tasks, gpus, cpusPerTask, mem, image, workdir, claim, saveSeconds } = settings;
  const resources = {
    ...(cpusPerTask !== undefined && { cpu: cpusPerTask }),
    ...(mem !== undefined && { memory: mem }),
    ...(gpus !== undefined && { 'nvidia.com/gpu': gpus }),
  };
  return stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `mixerzoo-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.slice(0, 63).replace(/-$/, '') },
    spec: {
      completionMode: 'Indexed',
      completions: tasks,
      parallelism: tasks,
      backoffLimitPerIndex: 10,
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      template: {
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: saveSeconds,
          containers: [
            {
              name: 'mixerzoo',
              image,
              workingDir: workdir,
              command: [...command],
              env: [{ name: 'MIXERZOO_SHARDS', value: String(tasks) }],
              ...(Object.keys(resources).length > 0 && { resources: { limits: resources } }),
              volumeMounts: [{ name: 'runs', mountPath: posix.join(workdir, runs) }],
            },
          ],
          volumes: [{ name: 'runs', persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  });
}
