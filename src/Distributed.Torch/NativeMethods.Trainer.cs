using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>The trainer of native/abi.h.</summary>
internal static unsafe partial class NativeMethods
{
    /// <summary>dt_trainer_settings.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeTrainerSettings
    {
        public int Precision;
        public int Exact;
        public int Capture;
        public int ShardsMax;
        public long ShardSamplesMax;
        public long BucketBytes;
    }

    /// <summary>dt_sample.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeSample
    {
        public int Index;
        public int CropRows;
        public int CropColumns;
        public int TranslateRows;
        public int TranslateColumns;
        public int Flip;
        public int Reflect;
        public int CutoutTop;
        public int CutoutBottom;
        public int CutoutLeft;
        public int CutoutRight;
    }

    /// <summary>dt_stretch.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeStretch
    {
        public long Offset;
        public long Length;
        public long Rows;
        public long LastStep;
        public double RateFactor;
        public int NewtonSchulzSteps;
        public int Reserved;
        public NativeOptimizerSettings Settings;
    }

    /// <summary>dt_update.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeUpdate
    {
        public double LearningRate;
        public long Step;
        public double LookaheadShare;
        public int TakeSlow;
        public int Reserved;
    }

    [LibraryImport(Library, EntryPoint = "dt_trainer_create",
        StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int TrainerCreate(
        string network, in NativeTrainerSettings settings, out TrainerHandle trainer);

    [LibraryImport(Library, EntryPoint = "dt_trainer_free")]
    internal static partial void TrainerFree(nint trainer);

    [LibraryImport(Library, EntryPoint = "dt_trainer_describe")]
    internal static partial int TrainerDescribe(
        TrainerHandle trainer, byte* text, long capacity, out long needed);

    [LibraryImport(Library, EntryPoint = "dt_trainer_load")]
    internal static partial int TrainerLoad(
        TrainerHandle trainer, int set, byte* images, int* labels, long count, float* values);

    [LibraryImport(Library, EntryPoint = "dt_trainer_set_optimizer")]
    internal static partial int TrainerSetOptimizer(
        TrainerHandle trainer, NativeStretch* stretches, long count, int stateCount,
        int hasLookahead);

    [LibraryImport(Library, EntryPoint = "dt_trainer_compute")]
    internal static partial int TrainerCompute(
        TrainerHandle trainer, NativeSample* samples, ModelShard* shards, long shardCount,
        double lossScale, float* votes, NativeBuffer hostGradients,
        delegate* unmanaged<int, nint, void> bucketReady, nint context);

    [LibraryImport(Library, EntryPoint = "dt_trainer_update")]
    internal static partial int TrainerUpdate(
        TrainerHandle trainer, NativeBuffer hostGradients, in NativeUpdate update);

    [LibraryImport(Library, EntryPoint = "dt_trainer_compute_resident")]
    internal static partial int TrainerComputeResident(
        TrainerHandle trainer, NativeSample* samples, ModelShard* shards, long shardCount,
        double lossScale, float* votes, int buffer, SlotAddition* adds, long addCount,
        delegate* unmanaged<int, nint, void> bucketReady, nint context);

    [LibraryImport(Library, EntryPoint = "dt_trainer_node")]
    internal static partial int TrainerNode(TrainerHandle trainer, int buffer, out nint values);

    [LibraryImport(Library, EntryPoint = "dt_trainer_read_trailer")]
    internal static partial int TrainerReadTrailer(
        TrainerHandle trainer, int buffer, float* trailer);

    [LibraryImport(Library, EntryPoint = "dt_trainer_update_resident")]
    internal static partial int TrainerUpdateResident(
        TrainerHandle trainer, int buffer, in NativeUpdate update);

    [LibraryImport(Library, EntryPoint = "dt_trainer_step")]
    internal static partial int TrainerStep(
        TrainerHandle trainer, NativeSample* samples, ModelShard* shards, long shardCount,
        double lossScale, float* votes, in NativeUpdate update, void* trailer);

    [LibraryImport(Library, EntryPoint = "dt_trainer_evaluate")]
    internal static partial int TrainerEvaluate(
        TrainerHandle trainer, int set, NativeSample* samples, long count, float* logits,
        out double lossSum, out long correct);

    [LibraryImport(Library, EntryPoint = "dt_trainer_read")]
    internal static partial int TrainerRead(
        TrainerHandle trainer, int part, void* values, long length);

    [LibraryImport(Library, EntryPoint = "dt_trainer_write")]
    internal static partial int TrainerWrite(
        TrainerHandle trainer, int part, void* values, long length);

    [LibraryImport(Library, EntryPoint = "dt_host_pin")]
    internal static partial int HostPin(void* memory, long bytes);

    [LibraryImport(Library, EntryPoint = "dt_host_unpin")]
    internal static partial int HostUnpin(void* memory);
}
