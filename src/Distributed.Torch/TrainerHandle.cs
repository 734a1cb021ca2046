using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>Owns a native trainer; a call in progress keeps it alive.</summary>
internal sealed class TrainerHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.TrainerFree(handle);
        return true;
    }
}
