/* MPI_Allreduce driven by lines on the first rank's standard input. Argument: BYTES_MAX. After
   "ready", each "run BYTES ITERATIONS" is answered with "done" and the microseconds of each
   iteration on its slowest rank, each after a barrier. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Waiting ranks must not spin: others are being measured meanwhile. */
static void wait_without_spinning(MPI_Request *request)
{
    int done = 0;
    while (MPI_Test(request, &done, MPI_STATUS_IGNORE), !done)
        usleep(2000);
}

static void run(float *buffer, long bytes, long iterations, double *times)
{
    for (long iteration = 0; iteration < iterations; iteration++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        MPI_Allreduce(MPI_IN_PLACE, buffer, (int)(bytes / 4), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        times[iteration] = (MPI_Wtime() - start) * 1e6;
    }
}

int main(int count, char **words)
{
    MPI_Init(&count, &words);
    int rank, ranks;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    size_t bytes_max = (size_t)atol(words[1]);
    float *buffer = malloc(bytes_max);
    memset(buffer, 0, bytes_max);
    float check = (float)(rank + 1);
    MPI_Allreduce(MPI_IN_PLACE, &check, 1, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    if (check != ranks * (ranks + 1) / 2.0f)
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (rank == 0) {
        puts("ready");
        fflush(stdout);
    }

    for (;;) {
        long order[2] = {0, 0};
        char line[128];
        if (rank == 0 && fgets(line, sizeof line, stdin))
            sscanf(line, "run %ld %ld", &order[0], &order[1]);
        MPI_Request request;
        MPI_Ibcast(order, 2, MPI_LONG, 0, MPI_COMM_WORLD, &request);
        wait_without_spinning(&request);
        if (order[1] == 0)
            break;
        double *times = malloc((size_t)order[1] * sizeof *times);
        double *slowest = malloc((size_t)order[1] * sizeof *slowest);
        run(buffer, order[0], order[1], times);
        MPI_Reduce(times, slowest, (int)order[1], MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
        if (rank == 0) {
            printf("done");
            for (long iteration = 0; iteration < order[1]; iteration++)
                printf(" %.2f", slowest[iteration]);
            printf("\n");
            fflush(stdout);
        }
        free(times);
        free(slowest);
    }

    MPI_Finalize();
    return 0;
}
